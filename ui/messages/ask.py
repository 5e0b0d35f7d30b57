"""The texts around the page, and of the view in which one asks."""

from collections.abc import Mapping
from dataclasses import dataclass

from ui.messages.language import Language


@dataclass(frozen=True)
class Texts:
    """The page in one language; names in braces are filled in.

    Attributes:
        language_name: the language's own name for itself.
        tagline: what this is, under its name.
        knowledge_base: label of the chooser.
        beside: label of the chooser of further ones.
        documents: label of the number of documents.
        passages: label of the number of passages.
        languages: label of the languages of the passages.
        language_names: names of languages by ISO 639-1 code.
        unreadable: label of the number of files that could not be read.
        indexed: opens the list of what is indexed.
        indexed_filter: label of the filter above that list.
        indexed_none: nothing passes the filter.
        indexed_more: how many the list leaves out.
        indexed_run: when documents were read last.
        indexed_place: pages and passages of a document.
        indexed_place_unpaged: passages of a document without pages.
        generator: label of who answers.
        quote: the generator that quotes, named.
        quote_note: what it does, and how to get a better one; under each answer.
        xverse_wanted: only the model is missing for XVERSE; the command follows.
        model_note: that a language model wrote the answer; under each answer.
        new_conversation: leaves the conversation and begins another.
        conversations: heads the earlier conversations.
        find_conversation: label of their search.
        forget: removes a conversation.
        forget_sure: removes it after all.
        export: opens the ways to take a conversation along.
        export_markdown: as a text to read.
        export_json: as data.
        open_document: shows a citation in its document.
        close_document: closes that.
        document_page: which page of a document is shown.
        page_before: turns a page back.
        page_after: turns a page on.
        document_gone: the file is no longer there; its text is shown.
        copy: copies an answer.
        retry: asks again, by another generator.
        retry_by: names that generator.
        reason: label of the field for what was wrong, or right.
        reason_keep: keeps it.
        asked_as: how a follow-up question was understood.
        follow_ups: heads suggested questions.
        question_mark: ends a question.
        ask_topic: asks what a document says under a heading.
        ask_cell: asks what a column says of a row.
        ask_definition: asks what something is.
        found: heads the passages, while an answer is being written.
        doubts: what of a sentence stands in no passage, by kind.
        greeting: shown before the first question.
        greeting_note: what to expect of an answer.
        ask: in the empty question field.
        loading: the models are being loaded.
        loading_model: a large language model is being loaded.
        queued: others are answered first.
        searching: the passages are being looked for.
        writing: the answer is being written.
        question: names the question for a screen reader.
        sources: heads the citations.
        nearest: heads the nearest passages, where nothing answers.
        citation: names a citation number for a screen reader.
        page: a page number.
        scanned: marks a passage that OCR read.
        scanned_note: what to think of it.
        seconds: how long the answer took.
        speed: opens how fast it was written.
        speed_rate: tokens a second.
        speed_first: how long the first piece of the text took.
        speed_tokens: tokens read, those of them known from before, and tokens written.
        left_out: passages that did not fit into the model's context.
        cut_off: the model had no room left to finish.
        stopped: the user stopped the answer.
        unexpected: an error that nobody foresaw.
        missing: there is no knowledge base to ask.
        missing_note: what to do then; the command follows.
        missing_after: what happens after the command.
        missing_upload: that documents can be brought on this page.
    """

    language_name: str
    tagline: str
    knowledge_base: str
    beside: str
    documents: str
    passages: str
    languages: str
    language_names: Mapping[str, str]
    unreadable: str
    indexed: str
    indexed_filter: str
    indexed_none: str
    indexed_more: str
    indexed_run: str
    indexed_place: str
    indexed_place_unpaged: str
    generator: str
    quote: str
    quote_note: str
    xverse_wanted: str
    model_note: str
    new_conversation: str
    conversations: str
    find_conversation: str
    forget: str
    forget_sure: str
    export: str
    export_markdown: str
    export_json: str
    open_document: str
    close_document: str
    document_page: str
    page_before: str
    page_after: str
    document_gone: str
    copy: str
    retry: str
    retry_by: str
    reason: str
    reason_keep: str
    asked_as: str
    follow_ups: str
    question_mark: str
    ask_topic: str
    ask_cell: str
    ask_definition: str
    found: str
    doubts: Mapping[str, str]
    greeting: str
    greeting_note: str
    ask: str
    loading: str
    loading_model: str
    queued: str
    searching: str
    writing: str
    question: str
    sources: str
    nearest: str
    citation: str
    page: str
    scanned: str
    scanned_note: str
    seconds: str
    speed: str
    speed_rate: str
    speed_first: str
    speed_tokens: str
    left_out: str
    cut_off: str
    stopped: str
    unexpected: str
    missing: str
    missing_note: str
    missing_after: str
    missing_upload: str


TEXTS: Mapping[Language, Texts] = {
    "zh": Texts(
        language_name="中文",
        tagline="问你的文档，答案有据可查",
        knowledge_base="知识库",
        beside="同时再问",
        documents="文档",
        passages="段落",
        languages="语言",
        language_names={"zh": "中文", "en": "英文", "ja": "日文", "ko": "韩文"},
        unreadable="未能读入",
        indexed="查看已读入的文件",
        indexed_filter="按标题或路径筛选",
        indexed_none="没有符合的文件。",
        indexed_more="另有 {count} 个文件未列出，请用上面的筛选。",
        indexed_run="最近一次读入：{when}，用时 {seconds} 秒。",
        indexed_place="{pages} 页 · {passages} 段",
        indexed_place_unpaged="{passages} 段",
        generator="由谁回答",
        quote="摘录原句",
        quote_note="答案是文档里的原句。想让 XVERSE 来写答案，请看 README。",
        xverse_wanted=(
            "答案是文档里的原句。这台机器有显卡，只差模型：运行这一条命令取得 XVERSE（约 15 GB），"
            "再重新启动本页，就由它来写答案。"
        ),
        model_note="答案由语言模型根据所列出处写成，请点开出处核对。",
        new_conversation="新对话",
        conversations="以前的对话",
        find_conversation="在问题和答案里查找",
        forget="忘掉这个对话",
        forget_sure="真的忘掉",
        export="导出对话",
        export_markdown="Markdown 文件",
        export_json="JSON 文件",
        open_document="看原文 [{n}]",
        close_document="关闭",
        document_page="第 {page} / {pages} 页",
        page_before="上一页",
        page_after="下一页",
        document_gone="原文件已不在原处，下面是读入时的文字。",
        copy="复制",
        retry="再问一次",
        retry_by="由 {name} 回答",
        reason="哪里好，或者哪里不对？",
        reason_keep="记下",
        asked_as="按这个问题查找：{question}",
        follow_ups="接着问",
        question_mark="？",
        ask_topic="《{title}》对“{topic}”怎么说？",
        ask_cell="{row}的“{column}”是什么？",
        ask_definition="{subject}是什么？",
        found="找到的段落",
        doubts={
            "number": "没有段落里有“{what}”",
            "unit": "段落里的单位不是“{what}”",
            "date": "没有段落里有“{what}”这个日期",
            "name": "没有段落里有“{what}”",
            "negation": "段落里说的正好相反",
            "meaning": "没有段落这样说",
        },
        greeting="想从这些文档里知道什么？",
        greeting_note="每个答案都标有出处编号，点开编号就能看到原文。",
        ask="输入问题，按回车提问",
        loading="正在载入模型……",
        loading_model="正在载入 {model}，可能需要一两分钟……",
        queued="正在排队：第 {place} 位……",
        searching="正在查找段落……",
        writing="正在回答……",
        question="问题",
        sources="出处",
        nearest="最接近的段落",
        citation="出处 {n}：{title}",
        page="第 {page} 页",
        scanned="扫描识别",
        scanned_note="这段文字由 OCR 从图片中识别，可能有错，请对照原件。",
        seconds="{seconds} 秒",
        speed="速度",
        speed_rate="每秒 {rate} 个词元",
        speed_first="{seconds} 秒后开始写",
        speed_tokens="读 {prompt} 个词元（其中 {cached} 个来自缓存），写 {new} 个",
        left_out="找到了但放不进模型上下文、没有用到的段落：{titles}",
        cut_off="答案没有写完：模型的空间用完了。",
        stopped="已停止。",
        unexpected="出了意外的错误，详情见终端。可以再问一次。",
        missing="还没有知识库",
        missing_note=(
            "在项目目录里运行这一条命令，就读入示例文档；"
            "读入自己的文档，把 {folder} 换成自己的文件夹："
        ),
        missing_after="读入完成后，本页会自动打开。",
        missing_upload="或者在这里添加文档",
    ),
    "en": Texts(
        language_name="English",
        tagline="Ask your documents, check every answer",
        knowledge_base="Knowledge base",
        beside="Ask with it",
        documents="Documents",
        passages="Passages",
        languages="Languages",
        language_names={"zh": "Chinese", "en": "English", "ja": "Japanese", "ko": "Korean"},
        unreadable="Not readable",
        indexed="What is indexed",
        indexed_filter="Filter by title or path",
        indexed_none="No file matches.",
        indexed_more="{count} more files are not listed: use the filter above.",
        indexed_run="Last read on {when}, in {seconds} s.",
        indexed_place="pages: {pages} · passages: {passages}",
        indexed_place_unpaged="passages: {passages}",
        generator="Answers by",
        quote="Quoted sentences",
        quote_note=(
            "Answers are the documents’ own sentences. To have XVERSE write answers, see README."
        ),
        xverse_wanted=(
            "Answers are the documents’ own sentences. This machine has a card and lacks only the "
            "model: run this one command to get XVERSE (about 15 GB), start the page again, and "
            "it writes the answers."
        ),
        model_note="Written by a language model from the sources listed; open them to check.",
        new_conversation="New conversation",
        conversations="Earlier conversations",
        find_conversation="Search questions and answers",
        forget="Forget this conversation",
        forget_sure="Forget it for good",
        export="Export the conversation",
        export_markdown="Markdown file",
        export_json="JSON file",
        open_document="See [{n}] in its document",
        close_document="Close",
        document_page="Page {page} of {pages}",
        page_before="Page before",
        page_after="Page after",
        document_gone="The file is no longer there; this is the text that was read of it.",
        copy="Copy",
        retry="Ask again",
        retry_by="Answered by {name}",
        reason="What was good about it, or wrong?",
        reason_keep="Keep",
        asked_as="Searched as: {question}",
        follow_ups="Ask next",
        question_mark="?",
        ask_topic="What does “{title}” say about “{topic}”?",
        ask_cell="What is the “{column}” of {row}?",
        ask_definition="What is {subject}?",
        found="Passages found",
        doubts={
            "number": "“{what}” stands in no passage",
            "unit": "the passages have another unit than “{what}”",
            "date": "the date “{what}” stands in no passage",
            "name": "“{what}” stands in no passage",
            "negation": "the passages say the opposite",
            "meaning": "no passage says this",
        },
        greeting="What do you want to know from these documents?",
        greeting_note="Every answer carries numbers; each number opens the passage it rests on.",
        ask="Type a question and press Enter",
        loading="Loading the models …",
        loading_model="Loading {model}, which may take a minute or two …",
        queued="Waiting in the queue: number {place} …",
        searching="Looking for passages …",
        writing="Answering …",
        question="Question",
        sources="Sources",
        nearest="Nearest passages",
        citation="Source {n}: {title}",
        page="page {page}",
        scanned="OCR",
        scanned_note="OCR read this text from a picture and may have misread it: see the original.",
        seconds="{seconds} s",
        speed="Speed",
        speed_rate="{rate} tokens/s",
        speed_first="began after {seconds} s",
        speed_tokens="tokens read: {prompt}, of which cached: {cached}, written: {new}",
        left_out="Found, but too long for the model’s context and not used: {titles}",
        cut_off="The answer is not finished: the model ran out of room.",
        stopped="Stopped.",
        unexpected="Something unexpected went wrong; the terminal says what. You can ask again.",
        missing="There is no knowledge base yet",
        missing_note=(
            "Run this one command in the project folder to read the sample documents; "
            "to read your own, put your folder in place of {folder}:"
        ),
        missing_after="This page opens by itself when that is done.",
        missing_upload="Or add documents right here",
    ),
}
