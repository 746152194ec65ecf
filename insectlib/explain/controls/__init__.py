"""Controls: LIME, Grad-CAM, occlusion, edges and random maps, called like the explainers."""
