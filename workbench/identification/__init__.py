"""From the logs of an arm to a simulator that moves as it does: replay, identification, and what randomises from it.

`motion_log` and its readers bring logs; `arm_simulator` moves many candidates at once on MuJoCo's threads; `replay`
says how far simulated motion is from the logged one; `fit`, `posterior` and `discrepancy` find which parameters explain
the log, and how well they are known; `calibrated` makes them a factor set. No PyTorch and no Isaac Lab.
"""
