"""What the inline components make their elements with: text is always set as text, never as HTML."""

JS = """
const make = (tag, kind, text) => {
  const element = document.createElement(tag);
  if (kind) element.className = kind;
  if (text) element.textContent = text;
  return element;
};

const icon = name => {
  const element = make("i", "gr-icon", name);
  element.ariaHidden = "true";
  element.translate = false;
  return element;
};
"""
