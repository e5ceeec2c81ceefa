"""What makes one generated city differ from another: its size, its response and its offices."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal, NamedTuple

from spi_analysis.columns import PUBLISHED_SOURCES
from spi_analysis.errors import ParameterError
from spi_analysis.params import Institution, ListKind, RoundSetup, Source
from spi_analysis.synthetic.country import example_response, example_size, is_example


@dataclass(frozen=True)
class CityProfile:
    """A city as the generator sees it.

    ``response_rate`` is the mean response probability of its eligible employees and users.
    """

    internal: tuple[int, int]
    external: tuple[int, int]
    response_rate: float
    coached_units: int


# Pangkalpinang's 8.31 % was reported in October 2024; the other figures are plausible inventions.
PROFILES: dict[str, CityProfile] = {
    "kota-mojokerto": CityProfile((1500, 2200), (800, 1400), 0.34, 1),
    "kabupaten-probolinggo": CityProfile((4600, 6000), (3600, 5000), 0.24, 2),
    "kota-bengkulu": CityProfile((3500, 4600), (2600, 3800), 0.27, 0),
    "kota-pangkalpinang": CityProfile((2400, 3200), (1600, 2400), 0.0831, 1),
    "kota-tebing-tinggi": CityProfile((2000, 2800), (1200, 2000), 0.36, 0),
}

_BY_SIZE = {"besar": ((4000, 6000), (3000, 5000)), "sedang": ((2500, 4500), (1800, 3500))}
_SMALL = ((1500, 2800), (800, 2000))


def profile_of(institution: Institution) -> CityProfile:
    """The profile of an institution; one that has none of its own gets one that follows from its code and size."""
    if institution.institution_id in PROFILES:
        return PROFILES[institution.institution_id]
    if is_example(institution.institution_id):
        return _example_profile(institution.institution_id)
    number = int.from_bytes(hashlib.sha256(institution.institution_id.encode()).digest()[:4], "little")
    internal, external = _BY_SIZE.get(institution.size_class or "", _SMALL)
    return CityProfile(internal, external, 0.18 + number % 21 / 100, number % 3)


def list_kinds(setup: RoundSetup) -> dict[Source, ListKind]:
    """Which kind of generated person each source of the round has: employees, users or experts.

    Raises
    ------
    ParameterError   a source is none of the usual three, and nothing says what its people are like.
    """
    if setup.generator is not None:
        return {source: setup.generator.sources[source].like for source in setup.round.sources}
    kinds: dict[Source, ListKind] = {"internal": "internal", "external": "external", "expert": "expert"}
    unknown = [source for source in setup.round.sources if source not in kinds]
    if unknown:
        raise ParameterError(
            "nothing says what generated people of a source are like",
            file="params/generator.yaml",
            key=f"sources.{unknown[0]}",
            got="no such file",
            expected=f"like (one of {', '.join(PUBLISHED_SOURCES)}), people and score of every source",
        )
    return {source: kinds[source] for source in setup.round.sources}


def response_rate_of(setup: RoundSetup, institution_id: str) -> float:
    """Mean response probability of an institution's eligible people."""
    return (
        profile_of(setup.roster[institution_id]).response_rate
        if setup.generator is None
        else (setup.generator.response_rate)
    )


def _example_profile(institution_id: str) -> CityProfile:
    internal, external = example_size(institution_id)
    response_rate, coached_units = example_response(institution_id)
    return CityProfile((internal, internal + 1), (external, external + 1), response_rate, coached_units)


# What the generated offices are called, how large they are, and what they do for citizens.

Field = Literal["administration", "education", "health"]


class Office(NamedTuple):
    """An internal unit (OPD); ``weight`` is its share of the headcount before chance."""

    name: str
    weight: float
    field: Field = "administration"


COMMON_OFFICES = (
    Office("Sekretariat Daerah", 6.0),
    Office("Sekretariat DPRD", 2.2),
    Office("Inspektorat", 1.8),
    Office("Dinas Pendidikan dan Kebudayaan", 14.0, "education"),
    Office("Dinas Kesehatan", 6.0, "health"),
    Office("Dinas Kependudukan dan Pencatatan Sipil", 2.4),
    Office("Dinas Penanaman Modal dan Pelayanan Terpadu Satu Pintu", 2.0),
    Office("Dinas Pekerjaan Umum dan Penataan Ruang", 4.0),
    Office("Dinas Perhubungan", 4.0),
    Office("Dinas Lingkungan Hidup", 5.0),
    Office("Dinas Sosial", 2.0),
    Office("Dinas Tenaga Kerja", 1.6),
    Office("Dinas Koperasi, Perindustrian dan Perdagangan", 2.4),
    Office("Dinas Komunikasi dan Informatika", 2.0),
    Office("Dinas Perpustakaan dan Kearsipan", 1.4),
    Office("Badan Pendapatan Daerah", 2.4),
    Office("Badan Pengelolaan Keuangan dan Aset Daerah", 2.6),
    Office("Badan Perencanaan Pembangunan Daerah", 1.8),
    Office("Badan Kepegawaian dan Pengembangan Sumber Daya Manusia", 1.8),
    Office("Badan Penanggulangan Bencana Daerah", 1.6),
    Office("Satuan Polisi Pamong Praja", 5.0),
)

# Units of ministries, agencies and state enterprises, by the first word of the institution's code.
CENTRAL = ("kementerian", "lembaga", "bumn")
CENTRAL_OFFICES = (
    Office("Sekretariat Jenderal", 6.0),
    Office("Inspektorat Jenderal", 2.0),
    *(
        Office(f"Direktorat Jenderal {name}", 8.0)
        for name in ("Pelayanan", "Perizinan", "Pembinaan", "Pengawasan", "Kerja Sama")
    ),
    Office("Badan Pendidikan dan Pelatihan", 3.0, "education"),
    Office("Badan Data dan Informasi", 2.0),
    *(Office(f"Kantor Wilayah {name}", 7.0) for name in ("Barat", "Tengah", "Timur", "Utara", "Selatan")),
)

# Hospitals, health centres and districts; where an institution is not listed, the last entry serves.
LOCAL_OFFICES: dict[str, tuple[str, ...]] = {
    "kota-mojokerto": (
        "RSUD Dr. Wahidin Sudiro Husodo",
        *(f"Puskesmas {name}" for name in ("Gedongan", "Kedundung", "Blooto")),
        *(f"Kecamatan {name}" for name in ("Magersari", "Prajurit Kulon", "Kranggan")),
    ),
    "kabupaten-probolinggo": (
        "RSUD Waluyo Jati",
        "RSUD Tongas",
        *(f"Puskesmas {name}" for name in ("Kraksaan", "Paiton", "Leces", "Sumber")),
        *(f"Kecamatan {name}" for name in ("Kraksaan", "Paiton", "Dringu", "Gending", "Besuk", "Sukapura")),
    ),
    "kota-bengkulu": (
        "RSUD Harapan dan Doa",
        *(f"Puskesmas {name}" for name in ("Lingkar Barat", "Sawah Lebar", "Jembatan Kecil")),
        *(f"Kecamatan {name}" for name in ("Gading Cempaka", "Ratu Agung", "Ratu Samban", "Teluk Segara")),
        *(f"Kecamatan {name}" for name in ("Selebar", "Kampung Melayu", "Sungai Serut")),
    ),
    "kota-pangkalpinang": (
        "RSUD Depati Hamzah",
        *(f"Puskesmas {name}" for name in ("Melintang", "Taman Sari")),
        *(f"Kecamatan {name}" for name in ("Rangkui", "Bukit Intan", "Girimaya", "Gabek", "Gerunggang")),
    ),
    "kota-tebing-tinggi": (
        "RSUD Dr. H. Kumpulan Pane",
        *(f"Puskesmas {name}" for name in ("Sri Padang", "Tanjung Marulak")),
        *(f"Kecamatan {name}" for name in ("Padang Hilir", "Padang Hulu", "Rambutan", "Bajenis")),
    ),
    "": (
        "RSUD Contoh",
        *(f"Puskesmas {name}" for name in ("Mawar", "Melati")),
        *(f"Kecamatan {name}" for name in ("Utara", "Selatan", "Timur", "Barat")),
    ),
}

# What a service unit does, by the beginning of its name, and its share of the users.
SERVICES: dict[str, tuple[float, tuple[str, ...]]] = {
    "Dinas Kependudukan": (8.0, ("KTP Elektronik", "Kartu Keluarga", "Akta Kelahiran")),
    "Dinas Penanaman Modal": (4.0, ("Nomor Induk Berusaha", "Persetujuan Bangunan Gedung", "Izin Praktik")),
    "Badan Pendapatan": (4.0, ("Pajak Bumi dan Bangunan", "BPHTB", "Pajak Restoran")),
    "Dinas Perhubungan": (3.0, ("Uji Berkala Kendaraan", "Izin Parkir")),
    "Dinas Sosial": (2.5, ("Bantuan Sosial", "Rekomendasi PBI")),
    "Dinas Tenaga Kerja": (2.0, ("Kartu Pencari Kerja", "Pelatihan Kerja")),
    "Dinas Pendidikan": (3.0, ("Penerimaan Siswa Baru", "Legalisasi Ijazah")),
    "Sekretariat Daerah": (1.5, ("Pengadaan Barang dan Jasa", "Hibah")),
    "RSUD": (6.0, ("Rawat Jalan", "Rawat Inap", "Gawat Darurat")),
    "Puskesmas": (3.0, ("Pemeriksaan Umum", "Imunisasi", "Kesehatan Ibu dan Anak")),
    "Kecamatan": (2.0, ("Surat Keterangan", "Dispensasi Nikah")),
    "Direktorat Jenderal Pelayanan": (6.0, ("Permohonan Layanan", "Konsultasi", "Pengaduan")),
    "Direktorat Jenderal Perizinan": (6.0, ("Izin Usaha", "Sertifikasi", "Rekomendasi Teknis")),
    "Badan Pendidikan": (2.0, ("Pelatihan", "Sertifikasi Kompetensi")),
    "Kantor Wilayah": (4.0, ("Pendaftaran", "Legalisasi", "Layanan Terpadu")),
    "Mal Pelayanan Publik": (7.0, ("Layanan Kependudukan", "Layanan Perizinan", "Layanan Pajak")),
}

# Service units that are no unit of the payroll.
EXTRA_SERVICE_UNITS = {"kota-bengkulu": ("Mal Pelayanan Publik",)}
LOCAL_SERVICE_UNITS = {"RSUD": 1, "Puskesmas": 2, "Kecamatan": 2}

_LOCAL_WEIGHTS = {"RSUD": 11.0, "Puskesmas": 1.8, "Kecamatan": 1.5}
_HEADS = {"Kecamatan": "Camat", "RSUD": "Direktur RSUD", "Sekretariat": "Sekretaris", "Inspektorat": "Inspektur"}


def offices_of(institution_id: str) -> tuple[Office, ...]:
    """The internal units of an institution."""
    if institution_id.split("-")[0] in CENTRAL:
        return CENTRAL_OFFICES
    local = LOCAL_OFFICES.get(institution_id, LOCAL_OFFICES[""])
    return (*COMMON_OFFICES, *(_local_office(name) for name in local))


def service_units_of(institution_id: str) -> tuple[tuple[str, float, tuple[str, ...]], ...]:
    """The units that serve citizens: name, share of the users, services."""
    left = dict(LOCAL_SERVICE_UNITS)
    units = []
    for name in (*EXTRA_SERVICE_UNITS.get(institution_id, ()), *(o.name for o in offices_of(institution_id))):
        kind = next((start for start in SERVICES if name.startswith(start)), None)
        if kind is None or left.get(kind) == 0:
            continue
        if kind in left:
            left[kind] -= 1
        units.append((name, *SERVICES[kind]))
    return tuple(units)


def head_title(unit: str) -> str:
    """The job title of a unit's top official."""
    first, _, rest = unit.partition(" ")
    return f"{_HEADS[first]} {rest}".strip() if first in _HEADS else f"Kepala {unit}"


def _local_office(name: str) -> Office:
    kind = name.partition(" ")[0]
    return Office(name, _LOCAL_WEIGHTS[kind], "administration" if kind == "Kecamatan" else "health")
