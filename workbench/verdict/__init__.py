"""A verdict before hardware is risked: what was asked for, what was found, what it is bound to, and who may act on it.

Imports neither PyTorch nor a simulator, so that the robot computer can ask (`workbench.verdict.permission`).
"""
