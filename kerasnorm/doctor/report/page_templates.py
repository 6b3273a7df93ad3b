"""The templates of the doctor's page and of the parts that a notebook shows."""

from kerasnorm.doctor.report import waterfall

STYLE = """
.kn-doctor{--ink:#1d2733;--dim:#5b6875;--line:#d9e0e7;--paper:#fff;--bad:#b3261e;
--warn:#8a5a00;--good:#1a7f4b;--up:#c8553d;--down:#3d8c6c;--total:#44546a;
font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);
max-width:60rem;overflow-wrap:anywhere}
@media (prefers-color-scheme:dark){.kn-doctor{--ink:#e6ebf0;--dim:#9aa7b4;
--line:#36424e;--paper:#151b22;--bad:#ff8a80;--warn:#ffca6a;--good:#6fd6a0;
--up:#e07a63;--down:#5fb892;--total:#9db0c8}}
.kn-doctor h2{font-size:1.25rem;margin:0 0 .5rem}
.kn-doctor h3{font-size:1rem;margin:1.5rem 0 .5rem}
.kn-doctor h4{font-size:.9rem;font-weight:600;margin:1rem 0 .3rem}
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
.kn-doctor .kn-facts{display:grid;grid-template-columns:auto 1fr;gap:.1rem .8rem;
margin:.5rem 0}
.kn-doctor .kn-evidence{margin:.5rem 0;columns:22rem 2;column-gap:2rem}
.kn-doctor .kn-evidence div{display:flex;justify-content:space-between;gap:1rem;
break-inside:avoid;border-bottom:1px solid var(--line)}
.kn-doctor .kn-evidence dd{text-align:right;overflow-wrap:anywhere;min-width:0}
.kn-doctor dt{color:var(--dim)} .kn-doctor dd{margin:0}
.kn-doctor code{font-family:ui-monospace,monospace;font-size:.9em}
.kn-doctor .kn-images{display:flex;flex-wrap:wrap;gap:.6rem;margin:.6rem 0}
.kn-doctor figure{margin:0;width:7rem}
.kn-doctor figcaption{font-size:.75rem;line-height:1.3;color:var(--dim)}
.kn-doctor figure img{width:100%;border-radius:.25rem;display:block}
.kn-doctor .kn-facts{margin:0 0 1rem;overflow-wrap:anywhere}
.kn-doctor .kn-splits{max-width:36rem}
.kn-doctor .kn-splits tbody th{font-weight:400}
.kn-doctor .kn-group th{color:var(--dim);font-size:.85rem;padding-top:.7rem}
@media (max-width:640px){.kn-doctor .kn-cells tr{display:grid;
grid-template-columns:2rem repeat(var(--kn-columns),minmax(0,1fr));
border-bottom:1px solid var(--line)}
.kn-doctor .kn-cells td,.kn-doctor .kn-cells th{border:0;font-size:.85rem}
.kn-doctor .kn-cells th{font-size:.7rem;padding:.3rem 0}
.kn-doctor .kn-cells .kn-number{white-space:normal;overflow-wrap:normal}
.kn-doctor .kn-cells td:last-child{grid-column:1/-1;padding-left:0;color:var(--dim)}
.kn-doctor .kn-cells th:last-child{display:none}
.kn-doctor th,.kn-doctor td{padding:.3rem .35rem}
.kn-doctor td:first-child,.kn-doctor th:first-child{padding-left:0}}
"""
STYLE += waterfall.STYLE

FINDING = """{% macro finding(f) %}<article>
<div><span class="kn-code">{{ f.code }}</span>
<span class="kn-{{ f.severity }}">{{ f.severity }}</span></div>
<div>{{ f.summary }}</div>
<dl class="kn-evidence">{% for name, value in f.evidence.items() %}<div>
<dt>{{ name | words }}</dt><dd>{{ value | measured(name) }}</dd></div>{% endfor %}</dl>

{% if f.alternatives %}<div>or {% for code in f.alternatives %}
<span class="kn-code">{{ code }}</span>: {{ codes[code] }} {% endfor %}</div>{% endif %}
{% if f.images %}<div class="kn-images">{% for caption, image in f.images %}
<figure><img alt="" src="{{ image | png }}"><figcaption>{{ caption }}</figcaption>
</figure>{% endfor %}</div>{% endif %}
<div><strong>Remedy:</strong> {{ f.remedy }}</div></article>{% endmacro %}"""

SECTION = """{% from "finding" import finding with context %}
<section class="kn-doctor">
<style>{{ style }}</style>
{% if heading %}<h2>Why validation differs from training</h2>
<dl class="kn-facts">{% for name, value in e.subject.items() %}<dt>{{ name }}</dt>
<dd>{{ value }}</dd>{% endfor %}</dl>{% endif %}
<div class="kn-verdict {{ 'kn-healthy' if healthy }}">
<span class="kn-dim">verdict</span> <span class="kn-code">{{ e.verdict }}</span><br>
{{ e.summary }}</div>
{% if splits %}<h3>Loss and accuracy of both splits</h3>
<table class="kn-splits"><thead><tr><td></td>{% for name in ("training",
"validation", "difference") %}<th class="kn-number" scope="col">{{ name }}</th>
{% endfor %}</tr></thead><tbody>{% for title, rows in splits %}
<tr class="kn-group"><th colspan="4" scope="colgroup">{{ title }}</th></tr>
{% for name, values in rows %}<tr><th scope="row">{{ name }}</th>
{% for value in values %}<td class="kn-number">{{ value }}</td>{% endfor %}</tr>
{% endfor %}{% endfor %}</tbody></table>
{% if e.remains and not healthy %}<p>After all repairs: {{ e.remains }}</p>{% endif %}
{% endif %}{% if proof %}<h3>The remedy, tried</h3>
<div>{{ "On a copy: " if proof.repaired_model }}{{ proof.remedy }}.</div>
{% if proof.after %}<div class="kn-scroll"><table class="kn-splits">
<tr><th></th><th class="kn-number">validation loss</th><th>verdict</th></tr>
{% for name, found in (("before", proof.before), ("after", proof.after)) %}<tr>
<td>{{ name }}</td><td class="kn-number">{{ found.validation_loss | number }}</td>
<td class="kn-code">{{ found.verdict }}</td></tr>{% endfor %}</table></div>{% endif %}
{% for trial in proof.trials %}
<h4><span class="kn-code">{{ trial.code }}</span> alone: {{ trial.remedy }}</h4>
{% if trial.after %}<div class="kn-scroll"><table class="kn-splits"><tr><td></td>
<th class="kn-number">before</th><th class="kn-number">after</th></tr>
{% for name, value in trial.before.items() %}<tr><td>{{ name | words }}</td>
{% for one in (value, trial.after[name]) %}
<td class="kn-number">{{ one | percent if "accuracy" in name else one | number }}</td>
{% endfor %}</tr>{% endfor %}</table></div>{% endif %}{% endfor %}
{% if proof.repaired_model %}<p>Repaired model:
<code>{{ proof.repaired_model }}</code></p>{% endif %}
{% endif %}{% if waterfall %}<h3>Gap budget</h3>
{{ waterfall }}{% endif %}
{% if e.findings %}<h3>Findings</h3>{% endif %}
{% for f in e.findings %}{{ finding(f) }}{% endfor %}
{% if e.losses %}<h3>Loss matrix at frozen weights</h3>
<table class="kn-cells" style="--kn-columns:{{ columns | length + 1 }}">
<tr><th>cell</th><th class="kn-number">loss</th>{% for title, _ in columns %}
<th class="kn-number">{{ title }}</th>{% endfor %}<th>what it is</th></tr>
{% for cell, loss in e.losses.items() %}<tr><td class="kn-code">{{ cell }}</td>
<td class="kn-number">{{ loss | loss }}</td>{% for _, column in columns %}
<td class="kn-number">{{ column.get(cell, "") }}</td>{% endfor %}
<td>{{ cells.get(cell, '') }}</td></tr>
{% endfor %}</table>{% endif %}
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
