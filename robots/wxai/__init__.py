"""WidowX AI: limits, shape, kinematics and driver. It has no simulated asset here."""

from robots.wxai.spec import WXAI_HOME, WXAI_LIMITS

__all__ = ["WXAI_HOME", "WXAI_LIMITS"]
