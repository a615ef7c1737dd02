"""Physics engines and renderers: the presets, and what differs between them behind one interface."""
