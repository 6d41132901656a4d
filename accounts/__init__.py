"""People and tenants. Imports nothing from ``pms``."""
