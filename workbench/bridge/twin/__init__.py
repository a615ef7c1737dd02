"""A real arm's double: a process that speaks a Franka's protocol over MuJoCo, and plays a reality of its own.

`parameters`, `client` and `environment` run in the bridge's environment; `server`, `scene`, `arm`, `traffic`, `judge`,
`control`, `pose_sensor` and `cameras` in the twin's, which has ``franky-sim`` and MuJoCo and little else.
"""
