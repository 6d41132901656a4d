"""Tests of the stand-in vendor, over real HTTP."""
