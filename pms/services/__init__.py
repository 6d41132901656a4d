"""The use-cases: the only layer that joins models, providers and audit.

Functions take keywords. No database transaction is open while a PMS is asked.
"""
