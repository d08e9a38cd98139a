"""How all charts look: colours that stand on white and on black, text as the page's."""

from typing import Any

# From Okabe and Ito's palette for the colour-blind, those that are dark enough on
# white and light enough on the page's dark ground.
COLORS = (
    *("#0079b8", "#d55e00", "#008a66", "#b5588f", "#a07400"),
    *("#777777", "#6a6fd6", "#7f8c00", "#c8544f", "#008b9a"),
)
ACCENT = "#d55e00"
FAINT = "#8a8a8a"


def finish(chart: Any, height: int) -> Any:
    """chart (Any): An Altair chart.
    height (int): Its height in pixels; it is as wide as its place.
    RETURNS (Any): The chart, for the page.
    """
    return (
        chart.properties(width="container", height=height)
        .configure(background="transparent", font="inherit", padding=4)
        .configure_view(stroke=None)
        .configure_axis(
            labelColor="currentColor",
            titleColor="currentColor",
            domainColor=FAINT,
            tickColor=FAINT,
            gridColor=FAINT,
            gridOpacity=0.25,
            labelFontSize=12,
            titleFontSize=12,
            titleFontWeight="normal",
        )
        .configure_legend(
            labelColor="currentColor",
            titleColor="currentColor",
            labelFontSize=12,
            titleFontSize=12,
            titleFontWeight="normal",
            orient="bottom",
        )
        .configure_title(color="currentColor", fontSize=13, anchor="start")
    )
