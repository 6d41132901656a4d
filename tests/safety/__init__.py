"""The campaign of faults: what breaks while a caller books, and whether an appointment is lost or made twice.

``python -m tests.safety`` runs it (``make safety``). Everything is real but the practice's system, which is the sandbox
as a process of its own: PostgreSQL, the tools as a call uses them, processes that are killed, the worker's sweeps.
"""
