"""The counter's own look: dark, calm, one colour for what can be done and one for what costs money."""

from textual.theme import Theme

THEME = Theme(
    name="mostrador",
    primary="#6fc3d6",
    secondary="#8aa3bd",
    accent="#f2c572",
    foreground="#d9e1ea",
    background="#11161d",
    surface="#171e27",
    panel="#202a36",
    success="#8fce94",
    warning="#f0b866",
    error="#f0807a",
    dark=True,
    variables={
        "cursor": "#203a52",
        "field": "#1c2530",
        "text-muted": "#a3b0bf",
        "input-cursor-background": "#6fc3d6",
        "input-cursor-foreground": "#11161d",
        "block-cursor-background": "#203a52",
        "block-cursor-foreground": "#d9e1ea",
        "border": "#3a4a5c",
        "border-blurred": "#2a3644",
        "scrollbar": "#3a4a5c",
        "scrollbar-background": "#171e27",
    },
)
