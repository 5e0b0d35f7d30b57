"""What ordinary passages look like to an embedder, before a knowledge base can tell.

An embedder's vectors all lean one way, each language's a little differently.
A knowledge base learns how from its own passages; until it has some, these
stand in for them. They are about nothing a question would be asked about.
"""

import numpy as np
from numpy.typing import NDArray

from kb_qa.embeddings.base import PassageEmbeddings

ORDINARY = {
    "zh": (
        "今天下午三点在二楼会议室开会，请各部门负责人准时参加。",
        "这本书介绍了城市发展的历史和居民的日常生活。",
        "如果设备不能启动，请先检查电源和连接线。",
        "公司规定员工每年享有带薪假期，需提前申请。",
        "他出生于一个普通家庭，后来成为一名教师。",
        "软件安装完成后，重新启动计算机即可使用。",
        "春天的公园里开满了花，孩子们在草地上玩耍。",
        "合同自双方签字之日起生效，有效期为两年。",
    ),
    "en": (
        "The meeting takes place at three on the second floor; all heads of department come.",
        "This book describes the history of the city and the daily life of its people.",
        "If the device does not start, check the power supply and the cables first.",
        "Employees are entitled to paid leave every year and must apply for it in advance.",
        "He was born into an ordinary family and later became a teacher.",
        "After the software is installed, restart the computer to use it.",
        "In spring the park is full of flowers and children play on the grass.",
        "The contract takes effect on the day both parties sign it and is valid for two years.",
    ),
}
"""Ordinary passages, by language."""


def background(embeddings: PassageEmbeddings) -> dict[str, NDArray[np.float32]]:
    """Mean vectors of ordinary passages, by language: float32, shape (dimension,)."""
    return {
        language: embeddings.embed_passages(texts).mean(axis=0)
        for language, texts in ORDINARY.items()
    }
