"""Compiled solvers of the same network, for `coagulation_speed`: a process, one plasma at a time.

`rodas4` is our method in C, one plasma after the other: the same tableau, order of elimination and
step control in double precision, written out by this file and compiled with the system's compiler.
`lsoda` and `cvode` are ODEPACK's and SUNDIALS' solvers (SciPy, scikit-sundae), whose right-hand
side and analytic Jacobian numba compiles.
"""

import ctypes
import functools
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from scipy.integrate import odeint
from scipy.interpolate import CubicHermiteSpline

from hemosim_jax.integrate import sparse_lu
from hemosim_jax.integrate.rosenbrock import RODAS4
from hemosim_jax.physiology.coagulation import hockin_mann

PARAMETERS = hockin_mann.PARAMETERS["hockin2002"]
INDEX = {name: i for i, name in enumerate(hockin_mann.SPECIES)}
USED = [
    (reaction, PARAMETERS[constant])
    for reaction, (_, constant) in zip(hockin_mann.REACTIONS, hockin_mann.EQUATIONS, strict=True)
    if PARAMETERS[constant]
]
MAX_ROWS = 512


class _Code:
    """An expression in C; arithmetic appends a statement to `lines` and gives its variable."""

    lines: list[str]

    def __init__(self, text, lines):
        self.text, self.lines = text, lines

    def _new(self, text):
        name = f"x{len(self.lines)}"
        self.lines.append(f"const double {name} = {text};")
        return _Code(name, self.lines)

    def __mul__(self, other):
        return self._new(f"{self.text} * {other.text}")

    def __sub__(self, other):
        return self._new(f"{self.text} - {other.text}")

    def __rtruediv__(self, number):
        return self._new(f"{number!r} / {self.text}")

    def __neg__(self):
        return self._new(f"-{self.text}")


def _rates():
    for n, (reaction, k) in enumerate(USED):
        factors = " * ".join(f"y[{INDEX[name]}]" for name in reaction.inputs)
        yield f"const double r{n} = {k!r} * {factors};"


def _field():
    """`void field(y, dy)`."""
    terms = {name: [] for name in INDEX}
    for n, (reaction, _) in enumerate(USED):
        for name, count in reaction.change.items():
            terms[name].append(f"{count:+d} * r{n}")
    sums = [f"dy[{INDEX[name]}] = {' '.join(parts) or '0'};" for name, parts in terms.items()]
    return ["static void field(const double *y, double *dy) {", *_rates(), *sums, "}"]


def _jacobian_entries():
    """Sums in C by (row, column)."""
    entries = {}
    for reaction, k in USED:
        for at, cause in enumerate(reaction.inputs):
            others = [f"y[{INDEX[o]}]" for i, o in enumerate(reaction.inputs) if i != at]
            partial = " * ".join([repr(k), *others])
            for effect, count in reaction.change.items():
                entries.setdefault((effect, cause), []).append(f"{count:+d} * {partial}")
    return entries


def _factor_and_solve():
    """`void factor(y, shift, F)`: the factors of W; `void solve(F, b)`: in place."""
    lines, matrix = [], {}
    entries = _jacobian_entries()
    for name in INDEX:
        entries.setdefault((name, name), [])
    for number, (at, parts) in enumerate(entries.items()):
        start = "shift" if at[0] == at[1] else "0.0"
        lines.append(f"const double w{number} = {start} - (0 {' '.join(parts)});")
        matrix[at] = _Code(f"w{number}", lines)
    factors = sparse_lu.factor(matrix)
    place = {}
    for kind in ("lower", "upper", "inverse_pivots"):
        for at, code in getattr(factors, kind).items():
            place[kind, at] = len(place)
            lines.append(f"F[{place[kind, at]}] = {code.text};")
    forward, backward = [], []
    for k in factors.order:
        for i, j in factors.lower:
            if j == k:
                at = place["lower", (i, j)]
                forward.append(f"b[{INDEX[i]}] -= F[{at}] * b[{INDEX[k]}];")
    for k in reversed(factors.order):
        for i, j in factors.upper:
            if i == k:
                at = place["upper", (i, j)]
                backward.append(f"b[{INDEX[k]}] -= F[{at}] * b[{INDEX[j]}];")
        backward.append(f"b[{INDEX[k]}] *= F[{place['inverse_pivots', k]}];")
    return (
        ["static void factor(const double *y, double shift, double *F) {", *lines, "}"],
        ["static void solve(const double *F, double *b) {", *forward, *backward, "}"],
        len(place),
    )


def _step(size):
    """One step from y: y1 and the error."""
    code = ["for (int i = 0; i < N; i++) point[i] = y[i];"]
    previous = None
    for stage, (row_a, row_c) in enumerate(zip(RODAS4.a, RODAS4.c, strict=True)):
        code.append("for (int i = 0; i < N; i++) {")
        sum_a = " ".join(f"+ {a!r} * u[{j}][i]" for j, a in enumerate(row_a) if a)
        code.append(f"point[i] = y[i] {sum_a};" if sum_a else "point[i] = y[i];")
        code.append("}")
        if previous is None or row_a != (*previous, 0.0):
            code.append("field(point, slope);")
        previous = row_a
        sum_c = " ".join(f"+ {c!r} * u[{j}][i]" for j, c in enumerate(row_c) if c)
        code.append(f"for (int i = 0; i < N; i++) u[{stage}][i] = slope[i]")
        code.append(f"+ (0.0 {sum_c}) / h;")
        code.append(f"solve(F, u[{stage}]);")
    sum_m = " ".join(f"+ {m!r} * u[{j}][i]" for j, m in enumerate(RODAS4.m) if m)
    sum_e = " ".join(f"+ {e!r} * u[{j}][i]" for j, e in enumerate(RODAS4.e) if e)
    return [*code, f"for (int i = 0; i < N; i++) {{ y1[i] = y[i] {sum_m}; error[i] = {sum_e}; }}"]


def source():
    """The program."""
    factor, solve, size = _factor_and_solve()
    free, meizo = INDEX["IIa"], INDEX["mIIa"]
    return "\n".join(
        [
            "#include <math.h>",
            f"#define N {len(INDEX)}",
            *_field(),
            *factor,
            *solve,
            "int run(double *y, double end, double rtol, double atol, double *out) {",
            f"double F[{size}], u[{len(RODAS4.m)}][N], point[N], slope[N], y1[N], error[N];",
            "double t = 0.0, h = 0.01; int rows = 0;",
            f"while (t < end && rows < {MAX_ROWS}) {{",
            "if (t + h > end) h = end - t;",
            f"factor(y, 1.0 / ({RODAS4.gamma!r} * h), F);",
            *_step(size),
            "double sum = 0.0;",
            "for (int i = 0; i < N; i++) {",
            "const double scale = atol + rtol * fmax(fabs(y[i]), fabs(y1[i]));",
            "sum += error[i] / scale * error[i] / scale; }",
            "const double norm = sqrt(sum / N);",
            "if (norm <= 1.0) { t += h; for (int i = 0; i < N; i++) y[i] = y1[i];",
            "field(y, slope);",
            f"out[3 * rows] = t; out[3 * rows + 1] = y[{free}] + y[{meizo}];",
            f"out[3 * rows + 2] = slope[{free}] + slope[{meizo}]; rows++; }}",
            f"double ratio = 0.9 * pow(norm + 1e-30, -1.0 / {RODAS4.order}.0);",
            "ratio = fmin(10.0, fmax(norm <= 1.0 ? 1.0 : 0.2, ratio)); h *= ratio; }",
            "return rows; }",
        ]
    )


@functools.cache
def compile_rodas4():
    """`run(y, duration, rtol, atol)`: rows of time, thrombin and its slope. Needs a C compiler."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        (path / "rodas4.c").write_text(source())
        options = ["-O3", "-march=native", "-ffast-math", "-shared", "-fPIC"]
        program = ["cc", *options, str(path / "rodas4.c"), "-o", str(path / "rodas4.so"), "-lm"]
        subprocess.run(program, check=True)
        function = ctypes.CDLL(str(path / "rodas4.so")).run
    pointer = ctypes.POINTER(ctypes.c_double)
    function.argtypes = [pointer, ctypes.c_double, ctypes.c_double, ctypes.c_double, pointer]
    out = np.zeros((MAX_ROWS, 3))

    def run(y, duration, rtol, atol):
        own = np.array(y, float)
        places = own.ctypes.data_as(pointer), out.ctypes.data_as(pointer)
        rows = function(places[0], duration, rtol, atol, places[1])
        return out[:rows].copy()

    return run


def start(fractions):
    """A plasma with tissue factor: `fractions` of normal, in the order of `NORMAL_NM`."""
    y = np.zeros(len(INDEX))
    for (name, normal_nm), fraction in zip(hockin_mann.NORMAL_NM.items(), fractions, strict=True):
        y[INDEX[name]] = fraction * normal_nm
    y[INDEX["TF"]] = hockin_mann.TISSUE_FACTOR_NM
    return y


def rodas4(y, times, rtol, atol):
    """Time, total thrombin and its slope at the steps of our method in C."""
    return compile_rodas4()(y, times[-1], rtol, atol)


def between_steps(rows, times):
    """Total thrombin at `times` from `rodas4`, by cubic polynomials."""
    t, value, slope = np.vstack([np.zeros(3), rows]).T
    return CubicHermiteSpline(t, value, slope)(times)


@functools.cache
def _numba_functions():
    """The vector field into an array, the same returned, the dense Jacobian."""
    import numba

    n = len(INDEX)  # of a second reactant: there is none
    k = np.array([constant for _, constant in USED])
    first = np.array([INDEX[r.inputs[0]] for r, _ in USED])
    second = np.array([INDEX[r.inputs[1]] if len(r.inputs) > 1 else n for r, _ in USED])
    changes = [(i, INDEX[name], c) for i, (r, _) in enumerate(USED) for name, c in r.change.items()]
    of, effect, count = (np.array(column) for column in zip(*changes, strict=True))

    @numba.njit
    def fill(t, y, dy):
        dy[:] = 0.0
        for j in range(len(of)):
            i = of[j]
            rate = k[i] * y[first[i]]
            dy[effect[j]] += count[j] * (rate if second[i] == n else rate * y[second[i]])

    @numba.njit
    def field(t, y):
        dy = np.zeros_like(y)
        fill(t, y, dy)
        return dy

    @numba.njit
    def jacobian(t, y):
        J = np.zeros((n, n))
        for j in range(len(of)):
            i = of[j]
            if second[i] == n:
                J[effect[j], first[i]] += count[j] * k[i]
            else:
                J[effect[j], first[i]] += count[j] * k[i] * y[second[i]]
                J[effect[j], second[i]] += count[j] * k[i] * y[first[i]]
        return J

    return fill, field, jacobian


def lsoda(y, times, rtol, atol):
    """Total thrombin at `times` by ODEPACK's LSODA."""
    _, field, jacobian = _numba_functions()
    states = odeint(
        field, y, times, Dfun=jacobian, tfirst=True, rtol=rtol, atol=atol, mxstep=10_000
    )
    return states[:, INDEX["IIa"]] + states[:, INDEX["mIIa"]]


def cvode(y, times, rtol, atol):
    """Total thrombin at `times` by SUNDIALS' CVODE: BDF, dense LU (the sparse one is slower)."""
    states = _cvode(rtol, atol).solve(times, y).y
    return states[:, INDEX["IIa"]] + states[:, INDEX["mIIa"]]


@functools.cache
def _cvode(rtol, atol):
    from sksundae.cvode import CVODE

    fill, _, jacobian = _numba_functions()

    def set_jacobian(t, y, dy, J):
        J[:] = jacobian(t, y)

    return CVODE(
        lambda t, y, dy: fill(t, y, dy),
        rtol=rtol,
        atol=atol,
        jacfn=set_jacobian,
        max_num_steps=10_000,
    )


SOLVERS = {"rodas4": rodas4, "lsoda": lsoda, "cvode": cvode}
