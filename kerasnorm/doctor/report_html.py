"""An examination as one self-contained page, or as a section of another."""

import base64
import io
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import jinja2
import markupsafe
import numpy as np
from PIL import Image

from kerasnorm.doctor.budget import GapBudget
from kerasnorm.doctor.finding import CODES, HEALTHY, Finding
from kerasnorm.doctor.loss_matrix import CELLS
from kerasnorm.doctor.waterfall import draw_waterfall

if TYPE_CHECKING:
    from kerasnorm.doctor.examination import Examination

SCORE_COLUMNS = (
    ("hard_label_loss", "{:.4f}"),
    ("accuracy", "{:.1%}"),
    ("confidence", "{:.1%}"),
)

STYLE = """
.kn-doctor{--ink:#1d2733;--dim:#5b6875;--line:#d9e0e7;--paper:#fff;--bad:#b3261e;
--warn:#8a5a00;--good:#1a7f4b;--up:#c8553d;--down:#3d8c6c;--total:#44546a;
font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);
max-width:60rem}
@media (prefers-color-scheme:dark){.kn-doctor{--ink:#e6ebf0;--dim:#9aa7b4;
--line:#36424e;--paper:#151b22;--bad:#ff8a80;--warn:#ffca6a;--good:#6fd6a0;
--up:#e07a63;--down:#5fb892;--total:#9db0c8}}
.kn-doctor h2{font-size:1.25rem;margin:0 0 .5rem}
.kn-doctor h3{font-size:1rem;margin:1.5rem 0 .5rem}
.kn-doctor .kn-verdict{border-left:.4rem solid var(--bad);padding:.6rem 1rem;
background:color-mix(in srgb,var(--bad) 7%,transparent)}
.kn-doctor .kn-verdict.kn-healthy{border-color:var(--good);
background:color-mix(in srgb,var(--good) 7%,transparent)}
.kn-doctor .kn-code{font-family:ui-monospace,monospace;font-weight:600}
.kn-doctor .kn-scroll{overflow-x:auto}
.kn-doctor table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
.kn-doctor th,.kn-doctor td{text-align:left;padding:.3rem .6rem;vertical-align:top;
border-bottom:1px solid var(--line)}
.kn-doctor .kn-number{text-align:right;white-space:nowrap}
.kn-doctor article{border:1px solid var(--line);border-radius:.5rem;padding:.8rem 1rem;
margin:.8rem 0;overflow-wrap:anywhere}
.kn-doctor .kn-error{color:var(--bad)} .kn-doctor .kn-warning{color:var(--warn)}
.kn-doctor .kn-info,.kn-doctor .kn-dim{color:var(--dim)}
.kn-doctor dl{display:grid;grid-template-columns:auto 1fr;gap:.1rem .8rem;
margin:.5rem 0}
.kn-doctor dt{color:var(--dim)} .kn-doctor dd{margin:0}
.kn-doctor code{font-family:ui-monospace,monospace;font-size:.9em}
.kn-doctor .kn-images{display:flex;flex-wrap:wrap;gap:.6rem;margin:.6rem 0}
.kn-doctor figure{margin:0;width:7rem}
.kn-doctor figcaption{font-size:.75rem;line-height:1.3;color:var(--dim)}
.kn-doctor figure img{width:100%;border-radius:.25rem;display:block}
.kn-doctor svg{width:100%;height:auto;max-width:48rem}
.kn-doctor svg text{fill:var(--ink);font:13px system-ui,sans-serif}
"""

FINDING = """{% macro finding(f) %}<article>
<div><span class="kn-code">{{ f.code }}</span>
<span class="kn-{{ f.severity }}">{{ f.severity }}</span></div>
<div>{{ f.summary }}</div>
<dl>{% for name, value in f.evidence.items() %}<dt>{{ name | words }}</dt>
<dd>{{ value | number }}</dd>{% endfor %}
{% if f.alternatives %}<dt>or</dt><dd>{% for code in f.alternatives %}
<span class="kn-code">{{ code }}</span>: {{ codes[code] }} {% endfor %}</dd>{% endif %}
</dl>{% if f.images %}<div class="kn-images">{% for caption, image in f.images %}
<figure><img alt="" src="{{ image | png }}"><figcaption>{{ caption }}</figcaption>
</figure>{% endfor %}</div>{% endif %}
<div><strong>Remedy:</strong> {{ f.remedy }}</div></article>{% endmacro %}"""

SECTION = """{% from "finding" import finding with context %}
<section class="kn-doctor">
<style>{{ style }}</style>
{% if heading %}<h2>Why validation differs from training</h2>{% endif %}
<div class="kn-verdict {{ 'kn-healthy' if healthy }}">
<span class="kn-dim">verdict</span> <span class="kn-code">{{ e.verdict }}</span><br>
{{ e.summary }}</div>
{% if proof %}<h3>The remedy, tried</h3>
<div>{{ "On a copy: " if proof.repaired_model }}{{ proof.remedy }}.</div>
{% if proof.after %}<div class="kn-scroll"><table>
<tr><th></th><th class="kn-number">validation loss</th><th>verdict</th></tr>
{% for name, found in (("before", proof.before), ("after", proof.after)) %}<tr>
<td>{{ name }}</td><td class="kn-number">{{ found.validation_loss | number }}</td>
<td class="kn-code">{{ found.verdict }}</td></tr>{% endfor %}</table></div>{% endif %}
{% if proof.repaired_model %}<p>Repaired model:
<code>{{ proof.repaired_model }}</code></p>{% endif %}
{% endif %}{% if waterfall %}<h3>Gap budget</h3>
{{ waterfall }}{% endif %}
{% if e.findings %}<h3>Findings</h3>{% endif %}
{% for f in e.findings %}{{ finding(f) }}{% endfor %}
{% if e.losses %}<h3>Loss matrix at frozen weights</h3>
<div class="kn-scroll"><table>
<tr><th>cell</th><th class="kn-number">loss</th>{% if scores %}
<th class="kn-number">hard-label loss</th><th class="kn-number">accuracy</th>
<th class="kn-number">confidence</th>{% endif %}<th>what it is</th></tr>
{% for cell, loss in e.losses.items() %}<tr><td class="kn-code">{{ cell }}</td>
<td class="kn-number">{{ loss | number }}</td>{% if scores %}
{% for name, form in columns %}<td class="kn-number">
{{ form.format(scores[cell][name]) if cell in scores }}</td>{% endfor %}{% endif %}
<td>{{ cells.get(cell, '') }}</td></tr>
{% endfor %}</table></div>{% endif %}
{% if e.notes %}<h3>Notes</h3><ul>{% for note in e.notes %}<li>{{ note }}</li>
{% endfor %}</ul>{% endif %}
<p class="kn-dim">Examined in {{ '%.0f' % e.seconds }} s.</p>
</section>"""

# What a notebook shows of a part.
PART = """{% from "finding" import finding with context %}
<section class="kn-doctor"><style>{{ style }}</style>
{% if f %}{{ finding(f) }}{% else %}{{ waterfall }}{% endif %}</section>"""

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>kerasnorm doctor: {verdict}</title>
<style>html{{color-scheme:light dark}}body{{margin:1.5rem auto;max-width:60rem;
padding:0 1rem}}@media (prefers-color-scheme:dark){{body{{background:#151b22}}}}</style>
</head><body>{section}</body></html>"""


def render_html(
    examination: "Examination",
    fragment: bool = False,
    proof: Mapping[str, Any] | None = None,
) -> str:
    """Return the examination as HTML without anything to load.

    Args:
        examination: What to show.
        fragment: Whether to return only a `<section>`, whose styles touch nothing else.
        proof: What the remedy did if it was tried: `remedy`, `before` and `after` with
            `validation_loss` and `verdict`, and `repaired_model`.
    """
    budget = examination.budget
    section = _render(
        "section",
        e=examination,
        heading=not fragment,
        healthy=examination.verdict == HEALTHY,
        waterfall=_waterfall(budget) if budget is not None else "",
        cells=CELLS,
        scores=examination.measurements.get("scores") or {},
        columns=SCORE_COLUMNS,
        proof=proof,
    )
    if fragment:
        return section
    return PAGE.format(verdict=examination.verdict, section=section)


def render_finding(finding: Finding) -> str:
    """Return one finding as HTML without anything to load.

    Args:
        finding: What to show.
    """
    return _render("part", f=finding)


def render_budget(budget: GapBudget) -> str:
    """Return the gap budget as HTML without anything to load.

    Args:
        budget: What to show.
    """
    return _render("part", f=None, waterfall=_waterfall(budget))


def _waterfall(budget: GapBudget) -> markupsafe.Markup:
    return markupsafe.Markup(draw_waterfall(budget))


def _render(name: str, **values: Any) -> str:
    templates = {"finding": FINDING, "section": SECTION, "part": PART}
    environment = jinja2.Environment(
        loader=jinja2.DictLoader(templates),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["number"] = _number
    environment.filters["png"] = _png
    environment.filters["words"] = lambda name: str(name).replace("_", " ")
    style = markupsafe.Markup(STYLE)
    text = environment.get_template(name).render(style=style, codes=CODES, **values)
    return text.strip()


def _png(image: np.ndarray) -> str:
    """Return an image as the address of itself: the page has nothing to load."""
    stream = io.BytesIO()
    Image.fromarray(image if image.shape[-1] == 3 else image[..., 0]).save(
        stream, "png"
    )
    return f"data:image/png;base64,{base64.b64encode(stream.getvalue()).decode()}"


def _number(value) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "not a number"}[value]
    if isinstance(value, float):
        return "not a number" if math.isnan(value) else f"{value:.4g}"
    if isinstance(value, (list, tuple)):
        return ", ".join(_number(item) for item in value[:12])
    return str(value)
