"""Canonical column names and what they mean, in Indonesian and English. No logic.

The table of docs/output_columns.md is this dictionary; a test keeps the two together.
"""

from __future__ import annotations

from typing import NamedTuple


class Label(NamedTuple):
    """Human words for a column."""

    id: str
    en: str


SOURCES = ("internal", "external", "expert")

LABELS: dict[str, Label] = {
    # who and where
    "institution_id": Label("Kode instansi", "Institution code"),
    "name": Label("Nama", "Name"),
    "type": Label("Jenis instansi", "Type of institution"),
    "province_code": Label("Kode provinsi", "Province code"),
    "size_class": Label("Kelas ukuran", "Size class"),
    "person_id": Label("Kode orang (teracak)", "Person code (keyed hash)"),
    "source": Label("Sumber responden", "Source of respondents"),
    # frame
    "unit": Label("Unit kerja", "Unit"),
    "position_class": Label("Kelompok jabatan", "Position class"),
    "service": Label("Layanan", "Service"),
    "expert_group": Label("Unsur eksper", "Group of experts"),
    "is_asn": Label("Pegawai ASN", "Civil servant (ASN)"),
    "sex": Label("Jenis kelamin", "Sex"),
    "age_group": Label("Kelompok umur", "Age group"),
    "tenure_years": Label("Masa kerja (tahun)", "Tenure (years)"),
    "unit_tenure_years": Label("Masa kerja di unit (tahun)", "Tenure in the unit (years)"),
    "channels": Label("Saluran kontak", "Contact channels"),
    "stream": Label("Asal daftar", "Stream"),
    "n_listings": Label("Jumlah baris daftar", "Number of listings"),
    "also_listed_as": Label("Juga terdaftar sebagai", "Also listed as"),
    "is_eligible": Label("Memenuhi syarat", "Eligible"),
    "frame_status": Label("Status dalam daftar", "Frame status"),
    "frame_problem": Label("Catatan daftar", "Frame problem"),
    # sample
    "stratum": Label("Strata", "Stratum"),
    "pop_size": Label("Jumlah populasi strata", "Population of the stratum"),
    "inclusion_prob": Label("Peluang terpilih", "Inclusion probability"),
    "base_weight": Label("Bobot dasar", "Base weight"),
    "prn": Label("Bilangan acak permanen", "Permanent random number"),
    "wave": Label("Gelombang", "Wave"),
    # events and responses
    "event": Label("Kejadian", "Event"),
    "at": Label("Waktu", "Time"),
    "channel": Label("Saluran", "Channel"),
    "started_at": Label("Mulai mengisi", "Started at"),
    "completed_at": Label("Selesai mengisi", "Completed at"),
    # weights
    "disposition": Label("Disposisi akhir (AAPOR)", "Final disposition (AAPOR)"),
    "nr_class": Label("Kelas nonrespons", "Nonresponse class"),
    "elig_weight": Label("Bobot setelah kelayakan tak diketahui", "Weight after unknown eligibility"),
    "nr_weight": Label("Bobot setelah nonrespons", "Weight after nonresponse"),
    "cal_weight": Label("Bobot setelah kalibrasi", "Weight after calibration"),
    "trimmed_weight": Label("Bobot setelah pemangkasan", "Weight after trimming"),
    "recal_weight": Label("Bobot setelah kalibrasi ulang", "Weight after calibration again"),
    "weight": Label("Bobot akhir", "Final weight"),
    # estimates
    "measure": Label("Ukuran", "Measure"),
    "dimension": Label("Dimensi", "Dimension"),
    "domain": Label("Bagian populasi", "Domain"),
    "estimate": Label("Taksiran", "Estimate"),
    "se": Label("Galat baku", "Standard error"),
    "ci_low": Label("Batas bawah selang", "Lower limit of the interval"),
    "ci_high": Label("Batas atas selang", "Upper limit of the interval"),
    "level": Label("Tingkat kepercayaan", "Confidence level"),
    "df_design": Label("Derajat bebas", "Degrees of freedom"),
    "n": Label("Jumlah responden", "Number of respondents"),
    "effective_n": Label("Jumlah responden efektif", "Effective number of respondents"),
    "status": Label("Status angka", "Status of the figure"),
    # published
    "year": Label("Tahun", "Year"),
    "institution": Label("Instansi", "Institution"),
    "index": Label("Indeks", "Index"),
    "internal": Label("Skor internal", "Internal score"),
    "external": Label("Skor eksternal", "External score"),
    "expert": Label("Skor eksper", "Expert score"),
    "correction_conduct": Label("Koreksi pelaksanaan survei", "Correction for the survey's conduct"),
    "correction_facts": Label("Koreksi fakta korupsi", "Correction for facts of corruption"),
    "mode_adjustment": Label("Penyesuaian moda wawancara", "Interview-mode adjustment"),
}
