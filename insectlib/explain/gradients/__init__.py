"""Gradient SHAP: expected gradients, at the pixels and at an inner layer."""
