"""How the offices of a city keep their lists: file names, headers, ways to write dates and sexes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

from spi_analysis.params import ListKind, Source

DateStyle = Literal["excel", "words", "slashes"]

# One spelling per style. A field that a style does not use has none there.
HEADERS: dict[str, tuple[str, ...]] = {
    "number": ("No", "No.", "NO", "Nomor", "No Urut"),
    "employee_number": ("NIP", "Nomor Induk Pegawai", "N I P", "NIP", "NIP/NIPPPK"),
    "name": ("Nama", "Nama Lengkap", "NAMA", "Nama ", "Nama Lengkap dan Gelar"),
    "phone": ("No. HP", "Nomor WhatsApp", "No HP/WA", "Telepon", "Nomor WA Aktif"),
    "email": ("Email", "Alamat E-mail", "E-MAIL", "Email Aktif", "Alamat Email"),
    "unit": ("Unit Kerja", "OPD", "Perangkat Daerah", "SKPD", "Nama Unit Kerja"),
    "service_unit": ("Unit Layanan", "OPD", "Perangkat Daerah", "Unit Penyelenggara Layanan", "Tempat Layanan"),
    "position": ("Jabatan", "Nama Jabatan", "Eselon-Jabatan", "JABATAN", "Jabatan Saat Ini"),
    "employment": ("Status Kepegawaian", "Status Pegawai", "Status Kepegawaian", "Status ASN", "Jenis Pegawai"),
    "sex": ("JK", "Jenis Kelamin", "L/P", "Jenis Kelamin", "JK (L/P)"),
    "birth": ("Tanggal Lahir", "Tgl Lahir", "Umur", "Tanggal Lahir", "Usia"),
    "start": ("TMT", "TMT CPNS", "Masa Kerja", "Lama Bekerja (tahun)", "TMT Pegawai"),
    "unit_start": ("TMT Unit", "TMT di Unit Kerja", "Masa Kerja di Unit", "Lama di Unit", "TMT Unit Kerja"),
    "main_work": ("Tugas Utama", "Melaksanakan Tugas Utama", "Tupoksi", "Tugas Pokok", "Tugas Utama (Ya/Tidak)"),
    "service": ("Jenis Layanan", "Layanan", "NAMA LAYANAN", "Layanan yang Diterima", "Jenis Pelayanan"),
    "service_date": (
        "Tanggal Layanan",
        "Tgl Layanan",
        "Tanggal Pelayanan",
        "Tanggal Layanan Terakhir",
        "Waktu Layanan",
    ),
    "nominator": ("Pengusul", "Diusulkan Oleh", "Usulan dari", "Pengusul", "Asal Usulan"),
    "expert_group": ("Unsur", "Kelompok Narasumber", "Unsur Eksper", "Kategori Narasumber", "Unsur Narasumber"),
}

_EMPLOYEE = "employee_number name {} unit position employment sex birth start unit_start main_work"
_USER = "name {} sex birth service_unit service service_date"
_EXPERT = "name expert_group sex {}"
_CONTACTS = ("phone email", "email phone", "phone email", "phone email", "email phone")


@dataclass(frozen=True)
class DataEntryPatterns:
    """One city's way of keeping lists; ``style`` picks the spellings of ``HEADERS``."""

    style: int
    files: dict[Source, str]
    encoding: str
    dates: DateStyle
    sexes: dict[str, str]
    title_lines: int
    employment: tuple[str, str] = ("PNS", "Non ASN")
    ages: bool = False
    tenure: Literal["dates", "words", "years"] = "dates"
    echelons: bool = False
    contacts_last: bool = False

    def columns(self, kind: ListKind) -> list[str]:
        """The fields of a list, from left to right."""
        pattern = {"internal": _EMPLOYEE, "external": _USER, "expert": _EXPERT}[kind]
        contacts = _CONTACTS[self.style]
        if self.contacts_last:
            return ["number", *pattern.replace("{} ", "").replace(" {}", "").split(), *contacts.split()]
        return ["number", *pattern.format(contacts).split()]

    def header(self, column: str) -> str:
        """What stands above a column."""
        return HEADERS[column][self.style]


STYLES = (
    DataEntryPatterns(
        style=0,
        files={
            "internal": "daftar_pegawai_{slug}.xlsx",
            "external": "pengguna layanan - {name}.csv",
            "expert": "narasumber_eksper_{slug}.xlsx",
        },
        encoding="utf-8",
        dates="excel",
        sexes={"male": "L", "female": "P"},
        title_lines=3,
    ),
    DataEntryPatterns(
        style=1,
        files={
            "internal": "Data Pegawai {name} 2024.xlsx",
            "external": "pengguna_layanan_{slug}.csv",
            "expert": "Narasumber Eksper {name}.xlsx",
        },
        encoding="cp1252",
        dates="words",
        sexes={"male": "Laki-laki", "female": "Perempuan"},
        title_lines=2,
        employment=("ASN", "Honorer"),
        contacts_last=True,
    ),
    DataEntryPatterns(
        style=2,
        files={
            "internal": "{slug} internal.xlsx",
            "external": "{slug} eksternal.csv",
            "expert": "{slug} eksper.xlsx",
        },
        encoding="utf-8-sig",
        dates="slashes",
        sexes={"male": "L", "female": "P"},
        title_lines=4,
        ages=True,
        tenure="words",
        echelons=True,
    ),
    DataEntryPatterns(
        style=3,
        files={
            "internal": "Daftar Pegawai - {name}.xlsx",
            "external": "Pengguna Layanan {name}.csv",
            "expert": "Daftar Narasumber - {name}.xlsx",
        },
        encoding="cp1252",
        dates="excel",
        sexes={"male": "Pria", "female": "Wanita"},
        title_lines=2,
        tenure="years",
        employment=("PNS", "Tenaga Kontrak"),
        contacts_last=True,
    ),
    DataEntryPatterns(
        style=4,
        files={
            "internal": "pegawai-{slug}.xlsx",
            "external": "layanan-{slug}.csv",
            "expert": "eksper-{slug}.xlsx",
        },
        encoding="utf-8",
        dates="words",
        sexes={"male": "LAKI-LAKI", "female": "PEREMPUAN"},
        title_lines=1,
        employment=("PNS", "THL"),
        ages=True,
    ),
)

STYLE_OF = {
    "kota-mojokerto": 0,
    "kabupaten-probolinggo": 1,
    "kota-bengkulu": 2,
    "kota-pangkalpinang": 3,
    "kota-tebing-tinggi": 4,
}


def patterns_of(institution_id: str) -> DataEntryPatterns:
    """The data-entry patterns of a city; the same whatever the seed."""
    digest = hashlib.sha256(institution_id.encode()).digest()
    return STYLES[STYLE_OF.get(institution_id, digest[0] % len(STYLES))]
