"""Shapley values from few evaluations: the surrogate and the coalitions that it draws."""
