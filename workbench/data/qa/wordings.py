"""The words of the questions: several for each ask, each saying in which shape the answer is wanted.

``{task}`` is the instruction, ``{thing}`` and ``{goal}`` what it calls the object and the receptacle, ``{count}`` a
number of points.
"""

from __future__ import annotations

WORDINGS: dict[str, tuple[str, ...]] = {
    "box of a thing": (
        'Give the bounding box of the {thing} as a JSON list of {{"bbox_2d": [x1, y1, x2, y2], "label": ...}}.',
        "Where is the {thing}? Reply with a JSON list that holds its bbox_2d in pixels and its label.",
        "Detect the {thing}. Output JSON with bbox_2d and label.",
        "Draw a tight box around what is visible of the {thing}; report it as bbox_2d with a label in a JSON list.",
    ),
    "boxes of the task": (
        'The robot is told: "{task}" Which object must it pick, and where must it place it? Give both boxes as '
        '{{"pick": {{"bbox_2d": [...]}}, "place": {{"bbox_2d": [...]}}}}.',
        'Task: {task}\nLocate what to pick and the place to put it. Answer as JSON with the keys "pick" and "place", '
        'each with a "bbox_2d".',
        'Find the two things that this instruction is about: "{task}" Reply in JSON: pick and place, a bbox_2d each.',
        'Instruction: "{task}"\nReturn JSON: "pick" with the bbox_2d of the object, "place" with that of its goal.',
    ),
    "key objects": (
        'Your task is "{task}" Locate the object and then where it goes: [[x1, y1, x2, y2], [x1, y1, x2, y2]].',
        'Which two things matter for "{task}"? Only their boxes, the object before the place: '
        "[[x1, y1, x2, y2], [x1, y1, x2, y2]].",
        "Task: {task}\nList the bounding boxes of the object to move and of its goal, in this order, in "
        "[x1, y1, x2, y2] format.",
    ),
    "sentence": (
        'Say what has to be done for "{task}", and put a box behind each thing that you name.',
        "Give the box coordinates according to this instruction, inside a sentence that repeats it: {task}",
        'Restate the task "{task}" with <box> [[x1, y1, x2, y2]] </box> behind the object and behind its goal.',
        "Ground the instruction in the image: {task}\nWrite one sentence with the boxes in it.",
    ),
    "grasp": (
        "At which pixel should the gripper take hold of the {thing}? Answer with a list of one (x, y) tuple.",
        "Point to where you would grasp the {thing}. Format: [(x, y)].",
        'For the task "{task}", mark the grasp on the object as a list with one tuple of pixel coordinates.',
        "Where does the hand hold the {thing} when it picks it up? Give [(x, y)].",
    ),
    "contacts": (
        "Mark the two spots where the fingers touch the {thing}, as a list of two (x, y) tuples.",
        "The gripper closes on the {thing}. Where does each finger make contact? Format: [(x, y), (x, y)].",
        'Task: {task}\nGive both contact points of the gripper on the object as a list of tuples.',
        "Which two points on the {thing} should be pinched? Answer as a list of (x, y) tuples.",
    ),
    "place": (
        "At which pixel should the {thing} come to rest? Answer with a list of one (x, y) tuple.",
        'Point to the spot where the object ends up after "{task}" Format: [(x, y)].',
        "Where in the image will the middle of the {thing} be once it is placed? Give [(x, y)].",
        "Mark the place for the {thing} as a list with one tuple of pixel coordinates.",
    ),
    "point at a thing": (
        'Point at the {thing}. Output a JSON list of {{"point_2d": [x, y], "label": ...}}.',
        "Show me one point on the {thing}: JSON with point_2d and label, please.",
        "Which pixel belongs to the {thing}? Reply with a JSON list that holds its point_2d and its label.",
    ),
    "trace": (
        "Task: {task}\nPredict the path of the end effector until this step is done, as a list of {count} points "
        "[[x, y], ...] in order.",
        'The robot is doing "{task}" Which way does its hand take from here to the end of the current sub-task? Give '
        "{count} waypoints as [[x, y], ...].",
        'Draw the trajectory of the gripper for the current step of "{task}": {count} pixel positions, first to last, '
        "as [[x, y], ...].",
        'Where will the end effector move next? Task: "{task}" Answer with {count} points [[x, y], ...] spaced evenly '
        "along its path.",
    ),
    "plan": (
        "The user says: {task}\nWhat do you answer, and what is the next subtask? Reply in JSON with the keys "
        '"response" and "subtask", boxes inline.',
        'You plan for a robot arm. Task: "{task}" Look at the image and name the next step as '
        '{{"response": ..., "subtask": ...}}.',
        'Given the state in the image and the task "{task}", return JSON: a short response and the subtask to run now.',
    ),
    "thoughtful plan": (
        "The user says: {task}\nReply as <response>...</response><think>...</think><action>...</action>, the action "
        "with the box of what it is about.",
        'Task: "{task}" Think about how far it has come, then name the next action. Use the tags response, think and '
        "action.",
        'What should the arm do now to finish "{task}"? Write <response>, <think> and <action> in this order.',
    ),
}  # fmt: skip
"""Questions by what they ask."""

SENTENCES = (
    "Put the {thing} <box> {at} the {goal} <box>.",
    "Take the {thing} <box> and place it {at} the {goal} <box>.",
    "The {thing} <box> goes {at} the {goal} <box>.",
)
"""Answers to ``sentence``."""

PLANS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "pick": (
        (
            "I will put the {thing} {at} the {goal}.",
            "The hand does not hold the {thing} yet.",
            "Pick up the {thing}<box>.",
        ),
        (
            "Right away: first the {thing}.",
            "The {thing} has to be picked up before it can be placed.",
            "Grasp the {thing}<box> and lift it.",
        ),
    ),
    "place": (
        (
            "I have the {thing}, now to the {goal}.",
            "The {thing} is in the hand and belongs {at} the {goal}.",
            "Place the {thing} {at} the {goal}<box>.",
        ),
        (
            "Next it goes {at} the {goal}.",
            "The object is held, so what is left is to set it down.",
            "Move over the {goal}<box> and let go of the {thing} there.",
        ),
    ),
    "retreat": (
        (
            "The {thing} is {at} the {goal}.",
            "The object is where it belongs, and nothing is left to do.",
            "Move the arm back.",
        ),
        ("Done.", "The hand has let go of the {thing} {at} the {goal}.", "Retreat to a safe pose."),
    ),
}
"""Answers to ``plan`` and ``thoughtful plan`` by sub-task: response, thought, next step."""
