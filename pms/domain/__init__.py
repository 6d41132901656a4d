"""What a dental front desk talks about: records, errors, phones, times, speech, identity, redaction.

Pure Python: nothing here imports Django, reads a clock or opens a socket.
"""
