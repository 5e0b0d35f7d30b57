"""Put documents into Milvus Lite for ever; each is told when it is stored. To be killed."""

import itertools
import sys
from pathlib import Path

from tests.fakes import WordEmbeddings
from tests.milvus.conftest import open_milvus
from tests.milvus.test_contract import put

if __name__ == "__main__":
    store = open_milvus(Path(sys.argv[1]), WordEmbeddings())
    for number in itertools.count(int(sys.argv[2])):
        put(store, f"Band {number} from Sweden")
        print(number, flush=True)
