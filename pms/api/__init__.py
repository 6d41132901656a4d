"""The REST face: ``/api/pms/*`` in the spec's shapes, over the same tools as the voice face."""
