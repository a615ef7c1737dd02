"""Datasets of annotated episodes: what one holds, its archive, its exports, and how it is made."""
