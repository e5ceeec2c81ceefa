"""Common Indonesian words that generated people are named with. They mean nobody."""

from __future__ import annotations


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


MALE = _words(
    "Agus Ahmad Andi Arif Bambang Bayu Budi Dedi Dimas Eko Fajar Hadi Hendra Heru Imam Indra Joko Muhammad Rizki Rudi "
    "Slamet Sugeng Taufik Tono Wahyu Yusuf"
)
FEMALE = _words(
    "Ani Ayu Citra Dewi Dian Endang Fitri Indah Kartika Lestari Lina Maya Mega Nita Novi Nur Putri Ratna Rina Siti Sri "
    "Tuti Wati Wulan Yanti Yuni"
)
MIDDLE = _words("Adi Bagus Catur Dwi Eka Jaya Kusuma Ma’ruf Nugraha Prima Putra Rahma Rofi’ah Tri Wira Zahra")
LAST = _words(
    "Anggraini Firmansyah Gunawan Handayani Hidayat Irawan Kurniawan Kusumawati Maharani Maulana Nugroho Permana "
    "Prasetyo Pratama Puspita Rahayu Ramadhan Santoso Saputra Sari Setiawan Siregar Suryani Susanti Sutrisno Utami "
    "Wahyuni Wibowo Wijaya Yulianti"
)
MONTHS = _words("Januari Februari Maret April Mei Juni Juli Agustus September Oktober November Desember")

# Mobile prefixes without the leading zero, and the domains reserved for examples (RFC 2606).
PHONE_PREFIXES = _words("811 812 813 821 822 823 851 852 853 856 857 858 877 878 895 896 897 898")
DOMAINS = _words("example.com example.org example.net")
