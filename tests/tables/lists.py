"""Small lists that the tests of importing share, and a short way to read what was said about them."""

CITY = "kota-mojokerto"
USERS = ["Nama", "Unit Layanan", "No HP", "Email", "JK", "Umur", "Layanan", "Tanggal Layanan"]


def codes(result, **where):
    table = result.problems
    for column, value in where.items():
        table = table[table[column] == value]
    return sorted(table["code"])


def users(*rows):
    return [
        USERS,
        *([f"Pengguna {name}", "Dinas Sosial", phone, None, "P", 40, "KTP", day] for name, phone, day in rows),
    ]
