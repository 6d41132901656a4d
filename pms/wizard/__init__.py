"""The five steps from nothing to a connected phone line."""
