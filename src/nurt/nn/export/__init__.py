"""Models with nurt's layers where nurt is not installed: ONNX files and programs of torch's operators alone."""

from nurt.nn.export.exporting import onnx, onnx_translations, without_nurt

__all__ = ["onnx", "onnx_translations", "without_nurt"]
