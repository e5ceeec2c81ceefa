"""Small lists that the tests of importing share, and a short way to read what was said about them."""

CITY = "kota-mojokerto"
USERS = ["Nama", "Unit Layanan", "No HP", "Email", "JK", "Umur", "Layanan", "Tanggal Layanan"]


def codes(result, **where):
    table = result.problems
    for column, value in where.items():
        table = table[table[column] == value]
    return sorted(table["code"])


def by_tenure(store, vault):
    """The frame's employees by their exact years, which the vault alone has."""
    years = vault.read_contacts("spi_2024", CITY, "internal")[["person_id", "tenure_years"]]
    return store.read("frame", CITY).merge(years, on="person_id", validate="1:1").set_index("tenure_years")


def users(*rows):
    return [
        USERS,
        *([f"Pengguna {name}", "Dinas Sosial", phone, None, "P", 40, "KTP", day] for name, phone, day in rows),
    ]
