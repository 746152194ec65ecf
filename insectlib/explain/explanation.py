"""The contract of all explainers: what they take, and the one form of what they return.

The chapters ``05_kernel_shap`` to ``08_partition_shap`` each teach one explainer. All take a model,
pictures and a baseline or background, and return an `Explanation`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import shap
from numpy.typing import NDArray
from slicer import Obj

from insectlib.explain.target import Prepared

_AXES = {
    "outputs": (0, 4),
    "classes": (0, 4),
    "output_names": (0, 4),
    "standard_error": (0, 4),
    "segments": (0, 1, 2),
    "regions": (0, 1, 2),
    "errors": (0, 1, 2, 3, 4),
    "permutations": (0,),
}
"""To which axes of the values those of each field belong, so that both are sliced alike."""


class Explanation(shap.Explanation):  # type: ignore[misc]  # shap has no types
    """Attributions of pictures: shap's own type, with what an explainer reports besides.

    `shap.image_plot` takes it as it is. A slice of it keeps its fields, sliced alike, and can be
    pickled: ``explanation[0]``, ``explanation[:2]``, ``explanation[..., 1]`` or
    ``explanation[..., "beetle"]``.

    Parameters
    ----------
    values : float64 array, shape (n, height, width, channels, k)
        Attributions of k explained outputs.
    base_values : float64 array, shape (n, k)
        What the model returns where nothing is shown; NaN for maps that know none.
    data : uint8 array, shape (n, height, width, channels)
        The pictures.
    output_names : list of str, or array of str, shape (n, k)
        Names of the explained outputs; an array where they differ from picture to picture.
    outputs : float64 array, shape (n, k)
        Explained outputs of the untouched pictures.
    classes : int64 array, shape (n, k)
        Indices of the explained outputs.
    evaluations : int
        Pictures that the model has seen in the whole run, as counted; a gradient counts as one
        more.
    seconds : float
        Duration of the whole run; ``n_explained`` is how many pictures that was, also in a slice.
    **fields
        What some explainers add: ``segments`` and ``regions`` (n, height, width), ``errors`` (of
        the values' shape), ``standard_error`` (n, k), ``permutations`` (n,). Others are kept as
        they are, and not sliced.
    """

    def __init__(
        self,
        values: NDArray[np.float64],
        base_values: NDArray[np.float64],
        data: NDArray[np.uint8],
        output_names: Sequence[str] | NDArray[np.str_],
        *,
        outputs: NDArray[np.float64],
        classes: NDArray[np.int64],
        evaluations: int,
        seconds: float,
        **fields: Any,
    ) -> None:
        super().__init__(
            values,
            base_values=base_values,
            data=data,
            output_names=output_names if np.ndim(output_names) == 1 else None,
            compute_time=seconds,
        )
        self.evaluations = evaluations
        self.seconds = seconds
        self.n_explained = len(values)
        fields = {"outputs": outputs, "classes": classes, **fields}
        if np.ndim(output_names) == 2:
            fields["output_names"] = output_names
        for name, field in fields.items():
            if name in _AXES:
                setattr(self._s, name, Obj(field, list(_AXES[name])))
            else:
                setattr(self, name, field)

    def __getattr__(self, name: str) -> Any:
        """Return a field that is sliced along with the values."""
        if name in _AXES and name in self.__dict__["_s"]._objects:
            return getattr(self._s, name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __copy__(self) -> Explanation:
        """Return a copy that shares the arrays; shap's own would be without the fields."""
        new = object.__new__(type(self))
        new.__dict__.update(self.__dict__)
        new.op_history = list(self.op_history)
        return new

    def __getitem__(self, item: Any) -> Explanation:
        """Return a part of the explanation, its fields sliced alike."""
        items = item if isinstance(item, tuple) else (item,)
        place = {len(items) - 1, len(self.shape) - 1}
        if isinstance(items[-1], str) and (Ellipsis in items or len(place) == 1):
            items = (*items[:-1], self._index_of(items[-1]))
        part: Explanation = super().__getitem__(items)
        return part

    def _index_of(self, name: str) -> int:
        """Return where the output `name` stands on the last axis, the same for all pictures."""
        names = np.asarray(self.output_names)
        rows = np.atleast_2d(names)
        if not (rows == name).any():
            raise ValueError(f"no output {name!r}; expected one of {', '.join(np.unique(names))}")
        places = np.unique(np.argmax(rows == name, axis=1))
        if len(places) > 1 or not (rows[:, places[0]] == name).all():
            raise ValueError(
                f"output {name!r} is not at the same place for all pictures: take one picture first"
            )
        return int(places[0])

    @property
    def gaps(self) -> NDArray[np.float64]:
        """For each picture and output: base value plus all attributions, minus the output."""
        lead = np.ndim(self.data) - 3  # 1 with an axis of pictures, 0 without
        total = self.base_values + self.values.sum(axis=tuple(range(lead, lead + 3)))
        return np.asarray(total - self.outputs)

    @property
    def additivity_gap(self) -> float:
        """The largest size of the `gaps`."""
        return float(np.abs(self.gaps).max())

    @property
    def relative_gap(self) -> float:
        """The largest gap as a share of the largest distance of outputs to base values.

        Of each picture, over its explained outputs; the largest of all pictures.
        """
        lead = np.ndim(self.data) - 3
        rows = (-1,) if lead == 0 else (len(self.outputs), -1)
        gap = np.abs(self.gaps).reshape(rows).max(axis=-1)
        reach = np.abs(np.asarray(self.outputs - self.base_values)).reshape(rows).max(axis=-1)
        return float((gap / np.where(reach, reach, 1)).max())


def to_explanation(
    prepared: Prepared,
    values: NDArray[np.float64],
    base_values: NDArray[np.float64],
    *,
    evaluations: int,
    seconds: float,
    **fields: Any,
) -> Explanation:
    """Put attributions into the one form that all explainers return.

    Parameters
    ----------
    prepared : Prepared
        From `prepare`.
    values : float64 array, shape (n, height, width, channels, k)
        Attributions of the explained outputs.
    base_values : float64 array, shape (n, k)
        What the model returns where nothing is shown.
    evaluations : int
        Pictures that the model has seen; a gradient counts as one more.
    seconds : float
        Duration for all pictures together.
    **fields
        Further fields of `Explanation`, such as ``segments``.

    Returns
    -------
    Explanation
        ``data`` holds the pictures as uint8, as `shap.image_plot` expects them.
    """
    classes = prepared.classes
    names: list[str] | NDArray[np.str_] = np.array(prepared.class_names)[classes]
    if (classes == classes[0]).all():
        names = [prepared.class_names[i] for i in classes[0]]
    return Explanation(
        values,
        base_values,
        # whole numbers, for image_plot takes fractions for the range 0 to 1
        np.clip(np.rint(prepared.pictures), 0, 255).astype(np.uint8),
        names,
        outputs=prepared.pick(prepared.outputs),
        classes=classes,
        evaluations=evaluations,
        seconds=seconds,
        **fields,
    )
