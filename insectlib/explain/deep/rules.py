"""The rules by which Deep SHAP propagates a difference back through one operation of TensorFlow.

Chapter ``07_deep_shap``; Shrikumar, Greenside and Kundaje (2017), Lundberg and Lee (2017).

`shap.DeepExplainer` sends each picture x through the network together with a background picture r,
as the two halves of one batch. On the way back, a *multiplier* takes the place of each
derivative. One law makes a rule right: over the inputs of the operation, the multipliers times the
differences between x and r add up to what came in from above times the difference of the output.
Where each operation keeps that law, base value plus attributions is the output of the network.

Each rule is called as shap calls its own: with the explainer, the operation as the gradient tape
recorded it, and the multipliers from above, which are the same in both halves of the batch. It
returns a multiplier for each input.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

Rule = Callable[..., Any]

CLOSE = 1e-5
"""Differences below this share of the numbers themselves are rounding: there the slope is taken."""


class _Moved:
    """An operation as it was recorded, but with other inputs."""

    def __init__(self, op: Any, inputs: Sequence[Any]) -> None:
        self._op = op
        self.inputs = inputs

    def __getattr__(self, name: str) -> Any:
        return getattr(self._op, name)


def varying(explainer: Any, op: Any) -> list[int]:
    """Return which inputs of an operation depend on the picture."""
    return [i for i, varies in enumerate(explainer._variable_inputs(op)) if varies]


def linear(explainer: Any, op: Any, *grads: Any) -> Any:
    """Take the ordinary derivative.

    Right for whatever is linear, or linear plus a constant, in what depends on the picture: there
    a difference of inputs times the derivative is the difference of outputs. So are
    convolutions of every kind, batch normalisation with its kept statistics, padding, resizing,
    sums, means, and whatever only moves numbers to other places.
    """
    op.type = op.type.removeprefix("shap_")
    return explainer.orig_grads[op.type](op, *grads)


def unchanged(explainer: Any, op: Any, *grads: Any) -> Any:
    """Pass the multipliers on as they are.

    Right for ``StopGradient``: it stops derivatives, but hands the values on. TensorFlow's variance
    has one, for the derivative by the mean is zero there; the difference is not.
    """
    return grads[0]


def rescale(explainer: Any, op: Any, *grads: Any) -> Any:
    """Divide the difference of the output by the difference of the input: the rescale rule.

    Right for functions that work on each number alone: activations, powers, roots. Where the
    difference is so small that rounding dominates the quotient, the mean of the slopes at both ends
    takes its place.
    """
    (i,) = varying(explainer, op)
    (x, r), (after_x, after_r) = _halves(op.inputs[i]), _halves(op.outputs[0])
    slopes = linear(explainer, op, *grads)
    slope = slopes[i] if isinstance(slopes, list | tuple) else slopes
    slope = _twice(tf.add(*_halves(slope)) / 2)
    slope = tf.where(tf.math.is_finite(slope), slope, tf.zeros_like(slope))
    change = _shrink(grads[0] * _twice(after_x - after_r), op.inputs[i])
    close = tf.abs(x - r) <= CLOSE * tf.maximum(tf.abs(x), tf.abs(r))
    if after_x.shape == x.shape:  # rounding of the output counts where that moves little as well
        apart = tf.maximum(tf.abs(x - r), tf.abs(after_x - after_r))
        close |= apart <= CLOSE * tf.maximum(tf.abs(after_x), tf.abs(after_r))
    quotient = tf.math.divide_no_nan(change, _twice(x - r))
    return _only(op, {i: tf.where(_twice(close), slope, quotient)})


def product(explainer: Any, op: Any, *grads: Any) -> Any:
    """Give each factor the mean of the other one, between picture and background.

    Right, since ``xa*xb - ra*rb = (xa-ra)*(xb+rb)/2 + (xb-rb)*(xa+ra)/2``; these are the exact
    Shapley values of the game with two players. Nothing is divided, and the multipliers of a
    factor that was spread over other axes (squeeze-excite: over height and width) are added up
    over them. With one varying factor, the product is linear.
    """
    if len(varying(explainer, op)) == 1:
        return linear(explainer, op, *grads)
    a, b = op.inputs[0], op.inputs[1]
    by_a, by_b = grads[0] * _middle(b), grads[0] * _middle(a)
    return [_shrink(by_a, a), _shrink(by_b, b)]


def bilinear(explainer: Any, op: Any, *grads: Any) -> Any:
    """Take the derivative half way between picture and background.

    The product rule for products of matrices, batch by batch, as in attention. With one varying
    factor, linear.
    """
    if len(varying(explainer, op)) == 1:
        return linear(explainer, op, *grads)
    op.type = op.type.removeprefix("shap_")
    return linear(explainer, _Moved(op, [_middle(factor) for factor in op.inputs]), *grads)


def quotient(explainer: Any, op: Any, *grads: Any) -> Any:
    """Share the difference of a quotient between numerator and denominator.

    The exact Shapley values of the game with two players, worked out so that no difference is
    divided by: ``(1/xb + 1/rb)/2`` for the numerator, ``-(xa + ra)/2 / (xb*rb)`` for the
    denominator. With one of them fixed, linear or the rescale rule.
    """
    vary = varying(explainer, op)
    if vary == [0]:
        return linear(explainer, op, *grads)
    if vary == [1]:
        return rescale(explainer, op, *grads)
    a, b = op.inputs[0], op.inputs[1]
    xb, rb = _halves(b)
    by_a = grads[0] * _twice((1 / xb + 1 / rb) / 2)
    by_b = -grads[0] * _middle(a) * _twice(1 / (xb * rb))
    return [_shrink(by_a, a), _shrink(by_b, b)]


def squared_difference(explainer: Any, op: Any, *grads: Any) -> Any:
    """Rescale the square of a difference: ``d -> d*d`` has the multiplier ``dx + dr``.

    Right without any division, for a difference is linear in both of its inputs.
    """
    vary = varying(explainer, op)
    by = 2 * grads[0] * _middle(op.inputs[0] - op.inputs[1])
    return _only(op, {i: _shrink((by, -by)[i], op.inputs[i]) for i in vary})


def extremum(explainer: Any, op: Any, *grads: Any) -> Any:
    """Share the difference of a minimum or maximum of two numbers between them.

    The exact Shapley values of the game with two players. With one of them fixed, the rescale rule.
    """
    if len(varying(explainer, op)) == 1:
        return rescale(explainer, op, *grads)
    better = tf.maximum if op.type.endswith("Maximum") else tf.minimum
    (xa, ra), (xb, rb) = _halves(op.inputs[0]), _halves(op.inputs[1])
    x_x, x_r, r_x, r_r = better(xa, xb), better(xa, rb), better(ra, xb), better(ra, rb)
    by_a = tf.math.divide_no_nan((x_x - r_x + x_r - r_r) / 2, xa - ra)
    by_b = tf.math.divide_no_nan((x_x - x_r + r_x - r_r) / 2, xb - rb)
    return [_shrink(grads[0] * _twice(by), op.inputs[i]) for i, by in enumerate((by_a, by_b))]


def largest(explainer: Any, op: Any, *grads: Any) -> Any:
    """Give the difference of a maximum to the place that held the larger of the two maxima.

    For max pooling, global or in windows; the rule is shap's. Where the picture's maximum is the
    larger, the picture's place gets all; where the background's is, the background's place. That
    keeps the law, since the two pictures differ at that place. It is no Shapley value: places
    that come second get nothing.
    """
    (x, r), (after_x, after_r) = _halves(op.inputs[0]), _halves(op.outputs[0])
    larger = tf.maximum(after_x, after_r)
    changes = tf.concat([larger - after_r, after_x - larger], axis=0)
    placed = linear(explainer, op, grads[0] * changes)
    placed = placed[0] if isinstance(placed, list | tuple) else placed
    return _only(op, {0: _twice(tf.math.divide_no_nan(tf.add(*_halves(placed)), x - r))})


def softmax(explainer: Any, op: Any, *grads: Any) -> Any:
    """Take a softmax apart into exponentials, their sum and a quotient, and apply their rules.

    Before the exponentials, both halves are shifted by the same number, which leaves a softmax as
    it is: their multipliers can then be used as they are.
    """
    z = op.inputs[0]
    x, r = _halves(z)
    shift = tf.add(*(tf.reduce_max(half, axis=-1, keepdims=True) for half in (x, r))) / 2
    ex, er = tf.exp(x - shift), tf.exp(r - shift)
    sx, sr = (tf.reduce_sum(half, axis=-1, keepdims=True) for half in (ex, er))
    above, _ = _halves(grads[0])
    # an exponential is divided by a sum that contains it; where one class has nearly all of the
    # probability, the two effects nearly cancel: so they are subtracted first, class by class
    apart = above[..., :, None] - above[..., None, :]
    by_exp = tf.linalg.matvec(apart, ex + er) / (2 * sx * sr)
    close = tf.abs(x - r) <= CLOSE
    slope = tf.where(close, (ex + er) / 2, tf.math.divide_no_nan(ex - er, x - r))
    return _twice(by_exp * slope)


def _halves(both: Any) -> tuple[Any, Any]:
    """Return the half of the picture and the half of the background."""
    x, r = tf.split(both, 2)
    return x, r


def _twice(half: Any) -> Any:
    """Return the same for both halves of the batch."""
    return tf.concat([half, half], axis=0)


def _middle(both: Any) -> Any:
    """Return the mean of picture and background, for both halves of the batch."""
    return _twice(tf.add(*_halves(both)) / 2)


def _shrink(multipliers: Any, like: Any) -> Any:
    """Add multipliers up over the axes along which their input was spread."""
    extra = multipliers.shape.rank - like.shape.rank
    spread = [
        axis
        for axis in range(multipliers.shape.rank)
        if axis < extra or (like.shape[axis - extra] == 1 and multipliers.shape[axis] != 1)
    ]
    return (
        tf.reshape(tf.reduce_sum(multipliers, axis=spread), like.shape) if spread else multipliers
    )


def _only(op: Any, multipliers: dict[int, Any]) -> Any:
    """Return a multiplier for each input, none where the input does not depend on the picture."""
    if len(op.inputs) == 1:
        return multipliers[0]
    return [multipliers.get(i) for i in range(len(op.inputs))]
