"""Reports: the table, the findings, the figures, and the page that holds them."""

from .artefacts import write_json, write_parquet
from .findings import compare, findings
from .page import Card, Report, Section, embedding_section
from .table import COLUMNS, rich_table, table_rows

__all__ = [
    "COLUMNS",
    "Card",
    "Report",
    "Section",
    "compare",
    "embedding_section",
    "findings",
    "rich_table",
    "table_rows",
    "write_json",
    "write_parquet",
]
