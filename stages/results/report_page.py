"""The HTML page of the report: one file, with all text escaped."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from jinja2 import Environment

Picture = tuple[str, "str | list[tuple[str, str]]"]

TEMPLATE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{ title }}</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 1200px; padding: 0 1em; color: #222; }
h2 { border-bottom: 1px solid #ccc; margin-top: 2em; }
table { border-collapse: collapse; margin: 1em 0; }
th, td { padding: .2em .8em; text-align: right; border-bottom: 1px solid #ddd; }
th:first-child, td:first-child { text-align: left; }
caption { text-align: left; font-weight: 600; }
img { max-width: 100%; image-rendering: pixelated; display: block; }
.row { display: flex; align-items: center; gap: 1em; margin: 1px 0; }
.row span { flex: 0 0 10em; text-align: right; color: #555; font-size: 13px; }
.row img { min-width: 0; flex: 0 1 auto; max-width: calc(100% - 11em); }
nav { columns: 3; margin: 1em 0; }
nav a { display: block; color: #246; text-decoration: none; }
.dense .row { margin: 0; }
.dense .row img { height: 66px; width: auto; }
.dense h3 { margin: .8em 0 .2em; }
pre { background: #f6f6f6; padding: 1em; overflow-x: auto; font-size: 12px; }
</style></head><body>
<h1>{{ title }}</h1>
<nav>{% for section in sections %}<a href="#section-{{ loop.index }}">{{ section.title }}</a>{% endfor %}</nav>
{% for section in sections %}
<section{% if section.dense %} class="dense"{% endif %}>
<h2 id="section-{{ loop.index }}">{{ section.title }}</h2>
{% if section.text %}<p>{{ section.text }}</p>{% endif %}
{% for caption, table in section.tables %}
<table>{% if caption %}<caption>{{ caption }}</caption>{% endif %}
{% for row in table %}<tr>{% for cell in row %}
{% if table[0] is sameas row %}<th>{{ cell }}</th>{% else %}<td>{{ cell }}</td>{% endif %}
{% endfor %}</tr>{% endfor %}</table>
{% endfor %}
{% for caption, picture in section.pictures %}
{% if caption %}<h3>{{ caption }}</h3>{% endif %}
{% if picture is string %}<img src="{{ picture }}" alt="{{ caption }}">
{% else %}{% for label, image in picture %}
<div class="row"><span>{{ label }}</span><img src="{{ image }}" alt="{{ label }}"></div>
{% endfor %}{% endif %}
{% endfor %}
{{ section.markup | safe }}
{% for name, text in section.texts.items() %}
<details><summary>{{ name }}</summary><pre>{{ text }}</pre></details>
{% endfor %}
</section>
{% endfor %}
</body></html>
"""


@dataclass(frozen=True)
class Section:
    """A part of the page. A picture is one image, or rows of images with labels, low ones if it is ``dense``; ``texts``
    are folded; ``markup`` is HTML that is put in as it is."""

    title: str
    text: str
    tables: list[tuple[str, list[list[str]]]] = field(default_factory=list)
    pictures: Sequence[Picture] = ()
    texts: dict[str, str] = field(default_factory=dict)
    dense: bool = False
    markup: str = ""


def render(title: str, sections: list[Section]) -> str:
    """Returns the page as HTML."""
    return Environment(autoescape=True).from_string(TEMPLATE).render(title=title, sections=sections)
