"""The availability engine: pure functions of records and a given instant.

`hours` knows when a day is open, `rules` what an appointment of a type needs, `slots` puts both against what is busy,
`reasons` names why a time is not offered, `choice` picks the few that a voice agent says.
"""
