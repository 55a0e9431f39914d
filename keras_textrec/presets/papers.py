"""What to cite for each network."""

from typing import NamedTuple


class Paper(NamedTuple):
    authors: str
    title: str
    venue: str
    year: int
    arxiv: str

    def to_bibtex(self) -> str:
        return (
            f"@misc{{{self.authors.partition(',')[0].lower()}{self.year},\n"
            f"  author = {{{self.authors}}},\n"
            f"  title = {{{self.title}}},\n"
            f"  howpublished = {{{self.venue}}},\n"
            f"  year = {{{self.year}}},\n"
            f"  eprint = {{{self.arxiv}}},\n"
            "  archivePrefix = {arXiv}\n}"
        )


CRNN = Paper(
    "Shi, Baoguang and Bai, Xiang and Yao, Cong",
    "An End-to-End Trainable Neural Network for Image-Based Sequence Recognition and Its Application to Scene Text "
    "Recognition",
    "IEEE Transactions on Pattern Analysis and Machine Intelligence",
    2017,
    "1507.05717",
)
RARE = Paper(
    "Shi, Baoguang and Wang, Xinggang and Lyu, Pengyuan and Yao, Cong and Bai, Xiang",
    "Robust Scene Text Recognition with Automatic Rectification",
    "CVPR",
    2016,
    "1603.03915",
)
ROBUST_SCANNER = Paper(
    "Yue, Xiaoyu and Kuang, Zhanghui and Lin, Chenhao and Sun, Hongbin and Zhang, Wayne",
    "RobustScanner: Dynamically Enhancing Positional Clues for Robust Text Recognition",
    "ECCV",
    2020,
    "2007.07542",
)
SVTRV2 = Paper(
    "Du, Yongkun and Chen, Zhineng and Xie, Hongtao and Jia, Caiyan and Jiang, Yu-Gang",
    "SVTRv2: CTC Beats Encoder-Decoder Models in Scene Text Recognition",
    "arXiv",
    2024,
    "2411.15858",
)
REPVIT = Paper(
    "Wang, Ao and Chen, Hui and Lin, Zijia and Han, Jungong and Ding, Guiguang",
    "RepViT: Revisiting Mobile CNN From ViT Perspective",
    "CVPR",
    2024,
    "2307.09283",
)
DB = Paper(
    "Liao, Minghui and Wan, Zhaoyi and Yao, Cong and Chen, Kai and Bai, Xiang",
    "Real-time Scene Text Detection with Differentiable Binarization",
    "AAAI",
    2020,
    "1911.08947",
)

# By the network's class.
PAPERS: dict[str, tuple[Paper, ...]] = {
    "CRNN": (CRNN,),
    "RARE": (RARE,),
    "RobustScanner": (ROBUST_SCANNER,),
    "SVTRv2": (SVTRV2,),
    "RepSVTR": (SVTRV2, REPVIT),
    "RepSVTRDetector": (DB, REPVIT),
}
