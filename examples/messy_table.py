"""Read an irregular table: what is repaired, and what is refused."""

from pathlib import Path

from nurt.data import regular_grid, select
from nurt.data.readers import read
from nurt.errors import DataError

# Polish letters in an old encoding, decimal commas, newest row first, a repeated row, an absent hour, a footer.
MESSY = """Godzina;Pył PM10 [µg/m3];Uwagi
2024-01-01 06:00;41,5;
2024-01-01 05:00;;brak pomiaru
2024-01-01 03:00;38,2;
2024-01-01 03:00;38,2;
2024-01-01 02:00;36,9;
2024-01-01 01:00;35,0;
Źródło: dane zmyślone;;
"""
# A comma that separates fields and marks decimals is ambiguous.
HOPELESS = "day,rate\n2024-01-01,4,05\n2024-01-02,4,06\n2024-01-03,4,07\n"


def main() -> None:
    Path("messy.csv").write_bytes(MESSY.encode("cp1250"))
    table = read("messy.csv")
    print("columns of numbers:", table.columns, "time:", table.time)

    chosen = select(table)  # one column of numbers, so there is no target to name
    (series,) = chosen.series
    print("values in order of time:", series.values)
    for note in chosen.notes:
        print("note:", note)

    hourly = regular_grid(series, "1h")
    print("on a grid of hours:", hourly.values)

    Path("hopeless.csv").write_text(HOPELESS)
    try:
        read("hopeless.csv")
    except DataError as error:
        print(error)


if __name__ == "__main__":
    main()
