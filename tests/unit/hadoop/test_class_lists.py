from windtunnel.hadoop.class_lists import merge


def test_merged_lists_have_each_class_once_in_order_and_none_of_foreign_class_loaders() -> None:
    first = "# a comment\njava/lang/Object\norg/example/A\n"
    second = "java/lang/Object\norg/example/B id: 9 super: 1 source: /a.jar\n@lambda-proxy C run\n"
    assert merge([first, second]) == "java/lang/Object\norg/example/A\n@lambda-proxy C run\n"
