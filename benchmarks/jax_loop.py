"""The strange loss in JAX, as somebody who knows JAX well writes it: jit, vmap and scan, float32.

What a learner's own notebook can do, and so what the kernel has to beat. JAX is installed by the
extra ``bench`` alone; the product never imports it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.plain_loops import two_rings

UNITS, EPOCHS, RATE = 24, 301, 1.6


def compiled_strange_loss(replicas: int) -> Callable[[], object]:
    """A function that trains ``replicas`` networks and waits for the losses (replicas, 301).

    Everything is compiled before it returns. Raises ImportError without JAX.
    """
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_platforms", "cpu")
    points, classes = (jnp.asarray(tensor.numpy(), jnp.float32) for tensor in two_rings())

    def first_weights(key: jax.Array) -> dict[str, jax.Array]:
        inner, outer = jax.random.split(key)
        return {
            "inner": 0.2 * jax.random.normal(inner, (2, UNITS)),
            "inner_bias": jnp.zeros(UNITS),
            "outer": 0.2 * jax.random.normal(outer, (UNITS, 1)) / UNITS**0.5,
            "outer_bias": jnp.zeros(1),
        }

    def loss_of(weights: dict[str, jax.Array]) -> jax.Array:
        hidden = jnp.tanh(points @ weights["inner"] + weights["inner_bias"])
        logits = hidden @ weights["outer"] + weights["outer_bias"]
        return jnp.mean(jnp.logaddexp(0.0, logits) - logits * classes)

    def train_one(key: jax.Array) -> jax.Array:
        def step(weights: dict[str, jax.Array], _: None) -> tuple[dict[str, jax.Array], jax.Array]:
            loss, slope = jax.value_and_grad(loss_of)(weights)
            return jax.tree.map(lambda w, g: w - RATE * g, weights, slope), loss

        return jax.lax.scan(step, first_weights(key), None, length=EPOCHS)[1]

    train_all = jax.jit(jax.vmap(train_one))
    keys = jax.random.split(jax.random.key(0), replicas)

    def train() -> object:
        return train_all(keys).block_until_ready()

    losses = np.asarray(train())
    assert losses.shape == (replicas, EPOCHS)
    assert np.median(losses[:, -1]) < 0.5 * np.median(losses[:, 0]), "it does not learn"
    return train
