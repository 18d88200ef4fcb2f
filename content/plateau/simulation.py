"""A parabola fitted to measured speeds by gradient descent, from step 10 to step 500,000.

The loss is quadratic: a step multiplies the error along each singular direction of the features by
1 - rate * eigenvalue of the Hessian (2 * singular value ** 2 / n). Many steps are a power of that
number, so every point is one jump from step 0, exact up to rounding. A seed stands for the same
standard normal parameters and the same noise in every setting.
"""

import torch

from quizserver.lab import Arm, Axis, Knob, Map, Simulation

BASES = (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8)
STEPS = [round(b * 10**p) for p in range(1, 6) for b in BASES if b * 10**p <= 500_000]

simulation = Simulation(
    "Half a million steps",
    knobs=[
        Knob("learning_rate", "Learning rate", 1e-7, 1, default=1e-5, scale="log"),
        Knob("noise", "Noise of the measurements", 0, 10, default=3,
             help="Standard deviation of what each measured speed is off by."),
        Knob("zero", "Zero of the clock", 0, 19, default=0, unit="s",
             help="Subtracted from every time; the measurements stay the same."),
        Knob("wide", "Times", 0, 1, default=0, integer=True, choices=("0 to 19", "−20 to 19"),
             help="20 times, or 40."),
        Knob("orthogonal", "Features", 0, 1, default=0, integer=True,
             choices=("powers of the time", "orthogonal"),
             help="Orthogonal ones are polynomials that are uncorrelated, of size 1."),
        Knob("degree", "Degree of the polynomial", 1, 19, default=2, integer=True,
             help="It has one coefficient more than its degree."),
    ],
    arms=[
        Arm("narrow", "Times 0 to 19"),
        Arm("wide", "Times −20 to 19", {"wide": 1}),
        Arm("centred", "Clock zero in the middle", {"zero": 9.5}),
        Arm("narrow-faster", "Learning rate × 3.3", {"learning_rate": 3.3e-5}),
        Arm("wide-faster", "Wide, learning rate × 3.3", {"learning_rate": 3.3e-5}, base="wide"),
        Arm("orthogonal", "Orthogonal features", {"orthogonal": 1}),
        Arm("fitted", "Parabola, fitted", {"learning_rate": 0.01}, base="orthogonal"),
        Arm("free", "Degree 19, fitted", {"degree": 19}, base="fitted"),
        Arm("quiet", "Parabola, fitted, no noise", {"noise": 0}, base="fitted"),
    ],
    x=Axis("step", scale="log"),
    series={
        "loss": Axis("training loss", scale="log"),
        "excess": Axis("loss above the noise floor", scale="log"),
        "validation": Axis("loss on new measurements", scale="log"),
    },
    points=len(STEPS),
    maps=[Map("learning_rate", "zero", "diverges", x_range=(1e-5, 1e-3))],
    dtype="float64",
)  # fmt: skip


def powers(time, zero, degree):
    """Powers of the shifted time, highest first: (R, n, degree + 1)."""
    return torch.stack([(time - zero) ** power for power in range(degree, -1, -1)], dim=-1)


def orthogonal_polynomials(time, between, degree):
    """Features of ``time`` with mean square 1, uncorrelated, and the same polynomials between."""
    middle, half = (time[0] + time[-1]) / 2, (time[-1] - time[0]) / 2
    angles = [((t - middle) / half).clamp(-1, 1).acos() for t in (time, between)]
    order = torch.arange(degree + 1, device=time.device)
    chebyshev = [torch.cos(angle.unsqueeze(1) * order) for angle in angles]
    q, r = torch.linalg.qr(chebyshev[0])
    scale = len(time) ** 0.5
    return q * scale, torch.linalg.solve_triangular(r, chebyshev[1], upper=True, left=False) * scale


def measured(time, noise):
    """The true speeds (R, n) at some times, plus as much of the noise as there are: (R, n, 1)."""
    return (0.75 * (time - 9.5) ** 2 + 1 + noise[:, : time.shape[1]]).unsqueeze(2)


@simulation.train
def train(replicas):
    knobs = replicas.knobs
    (time,) = replicas.share(torch.arange(-20.0 if knobs.wide else 0.0, 20.0))
    between = time[:, :-1] + 0.5
    if knobs.orthogonal:
        x, x_new = replicas.share(*orthogonal_polynomials(time[0], between[0], knobs.degree))
    else:
        zero = knobs.zero.view(-1, 1)
        x, x_new = (powers(t, zero, knobs.degree) for t in (time, between))
    first = replicas.randn(20)[:, : knobs.degree + 1]
    noise, new_noise = replicas.randn(2, 40).mul(knobs.noise.view(-1, 1, 1)).unbind(1)
    speed, new_speed = measured(time, noise), measured(between, new_noise)
    u, singular, vt = torch.linalg.svd(x, full_matrices=False)
    n = time.shape[1]
    eigenvalues = 2 * singular**2 / n
    factor = 1 - knobs.learning_rate.view(-1, 1) * eigenvalues
    residual = speed - x @ first.unsqueeze(2)
    along = (u.mT @ residual).squeeze(2)
    floor = (residual - u @ along.unsqueeze(2)).square().mean(dim=(1, 2))
    for step in STEPS:
        left = factor**step
        excess = (left * along).square().sum(1) / n
        weights = first.unsqueeze(2) + vt.mT @ ((1 - left) / singular * along).unsqueeze(2)
        validation = (new_speed - x_new @ weights).square().mean(dim=(1, 2))
        yield step, {"loss": floor + excess, "excess": excess, "validation": validation}
