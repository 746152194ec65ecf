"""Deep SHAP: the explainer, its rules, and what it has to refuse."""
