"""Where a camera is and how its lens draws, measured with a ChArUco board and the robot's own body.

NumPy, SciPy and OpenCV: neither a simulator nor PyTorch. Poses are ``[4, 4]`` matrices that take points of the frame
named last to the one named first (``base_from_tool``); pixels have (0, 0) at the image's top-left corner.
"""
