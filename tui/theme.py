"""Two calm themes, dark and light. Colour only repeats what a word or a sign already says."""

from __future__ import annotations

from textual.theme import Theme

DARK = Theme(
    name="hostshift-dark",
    primary="#82aad0",
    secondary="#6d8299",
    accent="#7cc4c0",
    warning="#e3b565",
    error="#e57f78",
    success="#93c083",
    foreground="#d8dee6",
    background="#12161b",
    surface="#171c23",
    panel="#1f2630",
    dark=True,
    variables={
        "block-cursor-background": "#2a3a4c",
        "block-cursor-foreground": "#eef2f6",
        "border": "#3c4b5c",
        "border-blurred": "#2a333e",
        "scrollbar": "#33404e",
        "scrollbar-hover": "#4a5b6d",
        "scrollbar-active": "#5b7088",
        "scrollbar-background": "#151a20",
        "scrollbar-background-hover": "#151a20",
        "scrollbar-background-active": "#151a20",
        "scrollbar-corner-color": "#151a20",
        "button-color-foreground": "#12161b",
    },
)
LIGHT = Theme(
    name="hostshift-light",
    primary="#2b5f8c",
    secondary="#5c6f82",
    accent="#14726c",
    warning="#8f5b00",
    error="#ad2f28",
    success="#35702a",
    foreground="#22282f",
    background="#f8f8f5",
    surface="#f0f0ec",
    panel="#e5e6e1",
    dark=False,
    variables={
        "block-cursor-background": "#cfdfec",
        "block-cursor-foreground": "#14191e",
        "border": "#a9b4bd",
        "border-blurred": "#cfd5d9",
        "scrollbar": "#b9c2c9",
        "scrollbar-hover": "#98a4ad",
        "scrollbar-active": "#7d8b96",
        "scrollbar-background": "#ecece8",
        "scrollbar-background-hover": "#ecece8",
        "scrollbar-background-active": "#ecece8",
        "scrollbar-corner-color": "#ecece8",
        "button-color-foreground": "#f8f8f5",
    },
)
THEMES = (DARK, LIGHT)
