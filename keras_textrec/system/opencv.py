"""Imported first by the rooms that use OpenCV: where that cannot be loaded, this says what to install.

`opencv-python-headless` does as well as `opencv-python`.
"""

try:
    import cv2
except ImportError as error:
    raise ImportError(
        f"OpenCV cannot be loaded: {error}. On a machine without a display, install opencv-python-headless in place of "
        "opencv-python (pip uninstall -y opencv-python && pip install opencv-python-headless), or the system's libgl1 "
        "and libglib2.0-0."
    ) from error

if not hasattr(cv2, "imdecode"):
    raise ImportError(
        "OpenCV is there in part, as after uninstalling one of opencv-python and opencv-python-headless, which share "
        "their files: pip install --force-reinstall --no-deps opencv-python-headless."
    )
