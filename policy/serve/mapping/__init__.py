"""What a dialect leaves open, as a file says it: cameras, the state vector, what the numbers of an action mean.

`mapping` is the file's content, `actions` and `state` convert between it and a task; numpy alone.
"""
