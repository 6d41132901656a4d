"""Vapi: the door (signature, envelope, call -> account, answers)."""
