"""Opens pages in a browser at the width of a screen and of a phone."""

import dataclasses

import pytest

# Text that is wider than what shows it, and who says so.
CUT = """() => [...document.querySelectorAll('td, th, dd, dt, p, h2, h3, .kn-value')]
    .filter(e => e.clientWidth && e.scrollWidth > e.clientWidth + 1 &&
        !e.closest('svg') && getComputedStyle(e).textOverflow != 'ellipsis')
    .map(e => e.className + ': ' + e.textContent.slice(0, 40))"""
# Only drawings and lists that fold away may be scrolled sideways.
SCROLLED = """() => [...document.querySelectorAll('table')]
    .filter(t => t.offsetWidth && !t.closest('.tall'))
    .filter(t => {
        const box = t.closest('.scroll, .kn-scroll') || t.parentElement;
        return t.scrollWidth > box.clientWidth + 1;
    }).map(t => t.className)"""


@dataclasses.dataclass
class Window:
    """A page in a browser.

    Args:
        page: Playwright's page.
        messages: What the browser's console has said.
        width: Width of the window in pixels.
    """

    page: object
    messages: list[str]
    width: int

    def show(self, file):
        """Load a file, with everything that folds unfolded."""
        self.page.goto(file.as_uri())
        self.page.evaluate(
            "document.querySelectorAll('details').forEach(d => d.open = true)"
        )
        return self

    def check(self):
        """Assert that nothing is said, too wide or cut."""
        assert self.messages == []
        needed = self.page.evaluate("document.documentElement.scrollWidth")
        assert needed <= self.width
        assert self.page.evaluate(CUT) == []


@pytest.fixture(params=[1280, 390], ids=["screen", "phone"])
def window(request, chromium):
    page = chromium.new_page(viewport={"width": request.param, "height": 900})
    messages = []
    page.on("console", lambda message: messages.append(message.text))
    page.on("pageerror", lambda error: messages.append(str(error)))
    return Window(page, messages, request.param)
