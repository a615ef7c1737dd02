"""Run folders: what is in them, who may write, where a run came from, and how it survives being killed."""
