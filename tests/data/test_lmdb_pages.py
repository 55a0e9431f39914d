import os

import lmdb
import pytest

from keras_textrec.data.lmdb_pages import check_whole

pytestmark = pytest.mark.once


def test_pages_that_were_given_up_may_be_absent(tmp_path):
    """LMDB does not write them, so that a sound file can be shorter than the number of its last page says."""
    with lmdb.open(str(tmp_path), map_size=1 << 24) as environment:
        with environment.begin(write=True) as transaction:
            for number in range(300):
                transaction.put(b"%05d" % number, bytes(5000))
        for numbers in (range(50), range(50, 60)):  # a transaction uses the pages that the last but one gave up
            with environment.begin(write=True) as transaction:
                for number in numbers:
                    transaction.delete(b"%05d" % number)
        with environment.begin(write=True) as transaction:
            transaction.put(b"large", bytes(1 << 20))
            transaction.delete(b"large")
        last_page, page_size = environment.info()["last_pgno"], environment.stat()["psize"]
    file = tmp_path / "data.mdb"
    size = file.stat().st_size
    assert size < (last_page + 1) * page_size
    check_whole(file)
    while True:  # down to the last page that is in use, and no further
        size -= page_size
        os.truncate(file, size)
        try:
            check_whole(file)
        except ValueError as error:
            assert f"is cut off: it has {size:,} bytes of {(last_page + 1) * page_size:,}" in str(error)
            break
        with lmdb.open(str(tmp_path), readonly=True, lock=False) as environment, environment.begin() as transaction:
            assert sum(len(value) for _, value in transaction.cursor()) == 240 * 5000
    assert size > 240 * 2 * page_size
