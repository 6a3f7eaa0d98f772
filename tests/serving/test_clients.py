"""Public clients, each as its own documentation says to use it with another server."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

from jielong.contract import Message, Reply, Request, ToolCall
from jielong.models.scripted import Scripted
from serving.served import Served

QUESTION = "Tom has 3 bags with 4 apples each. How many apples are there?"


def test_llm_asks_and_streams(tmp_path: Path):
    """simonw/llm, by its file of further OpenAI-compatible models."""
    with Served("mini", allow=["mini"], token="s3cret") as served:
        (tmp_path / "extra-openai-models.yaml").write_text(
            f"""
- model_id: ours
  model_name: "mini | cot"
  api_base: {served.url}
  api_key_name: ours
"""
        )
        (tmp_path / "keys.json").write_text('{"ours": "s3cret"}')
        environment = {**os.environ, "LLM_USER_PATH": str(tmp_path)}
        for options in ([], ["--no-stream"]):
            done = subprocess.run(
                [sys.executable, "-m", "llm", "-m", "ours", *options, QUESTION],
                capture_output=True, text=True, check=False, env=environment,
            )  # fmt: skip
            assert done.stdout.strip().endswith("12"), done.stderr


def _agent(served: Served, model: str, **options: Any) -> Any:
    provider = OpenAIProvider(base_url=served.url, api_key="none")
    return Agent(OpenAIChatModel(model, provider=provider), **options)


def test_pydantic_ai_calls_its_tools_and_reads_its_types():
    class City(BaseModel):
        name: str
        people: int

    def reply(request: Request) -> str | Reply:
        if request.messages[-1].role == "tool":
            (answer,) = [tool for tool in request.tools if tool.name == "final_result"]
            arguments = f'{{"name": "Rome", "people": {request.messages[-1].text}}}'
            return Reply(Message("assistant", "", (ToolCall("c2", answer.name, arguments),)), "tool_calls")
        return Reply(Message("assistant", "", (ToolCall("c1", "people", '{"city": "Rome"}'),)), "tool_calls")

    with Served(base := Scripted(reply)) as served:
        agent = _agent(served, "scripted:test", output_type=City)

        @agent.tool_plain
        def people(city: str) -> int:
            """How many live there."""
            return 2_800_000 if city == "Rome" else 0

        result = asyncio.run(agent.run("How large is Rome?"))
    assert result.output == City(name="Rome", people=2_800_000)
    assert len(base.requests) == 2
    assert base.requests[1].messages[-1].text == "2800000"


def test_pydantic_ai_streams_a_technique():
    async def told() -> str:
        with Served("vote=mini | cot | self_consistency(n=3)") as served:
            async with _agent(served, "vote").run_stream(QUESTION) as result:
                return str(await result.get_output())

    assert asyncio.run(told()).endswith("12")


def test_the_official_client_parses_typed_replies():
    class Answer(BaseModel):
        answer: int

    with Served(base := Scripted('{"answer": 12}')) as served:
        said = served.client().chat.completions.parse(
            model="scripted:test", messages=[{"role": "user", "content": QUESTION}], response_format=Answer
        )
    assert said.choices[0].message.parsed == Answer(answer=12)
    assert base.requests[0].schema is not None
    assert base.requests[0].schema["properties"]["answer"]["type"] == "integer"
