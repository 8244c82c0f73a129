import json
import unittest

import callback


class Notebook:
    def __init__(self) -> None:
        self.notes: dict[str, str] = {}

    def insert(self, key: str, value: str) -> bool:
        return self.notes.setdefault(key, value) is value


class Callbacks(unittest.TestCase):
    def test_a_callback_is_noted_once_for_each_call(self) -> None:
        notebook = Notebook()
        request = callback.read('{"topic": " my invoice ", "when": "morning"}', "+12025550143")
        self.assertTrue(callback.note_once(notebook, request, "key-1", 5))
        self.assertFalse(callback.note_once(notebook, request, "key-1", 6))
        self.assertEqual(json.loads(notebook.notes["callbacks/key-1"])["phone"], "+12025550143")
        self.assertEqual(len(notebook.notes), 1)

    def test_the_caller_is_asked_before_and_told_after(self) -> None:
        request = callback.read('{"topic": "my invoice", "when": "morning"}', "+12025550143")
        self.assertEqual(request.question(), "Shall we call you back in the morning about my invoice?")
        self.assertEqual(request.promise(), "We will call you back in the morning about my invoice.")

    def test_what_cannot_be_met_is_told_to_the_model(self) -> None:
        for arguments, caller in [
            ('{"topic": " ", "when": "morning"}', "+1"),
            ('{"topic": "x", "when": "morning"}', ""),
        ]:
            with self.assertRaises(callback.Invalid):
                callback.read(arguments, caller)


if __name__ == "__main__":
    unittest.main()
